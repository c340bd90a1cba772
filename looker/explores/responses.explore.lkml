# What was answered, sitting by sitting and student by student.
explore: fact_responses {
  label: "Responses"
  group_label: "QBank: learners"
  description: "Each answer, with its item, topic, exam and session."

  access_filter: {
    field: fact_responses.tenant_id
    user_attribute: tenant_id
  }

  join: fact_sessions {
    type: left_outer
    relationship: many_to_one
    sql_on: ${fact_responses.quiz_id} = ${fact_sessions.quiz_id} ;;
  }

  join: dim_items {
    type: left_outer
    relationship: many_to_one
    sql_on: ${fact_responses.question_id} = ${dim_items.question_id} and ${fact_responses.version} = ${dim_items.version} ;;
  }

  join: dim_topics {
    type: left_outer
    relationship: many_to_one
    sql_on: ${fact_responses.topic_id} = ${dim_topics.pk1_topic_id} ;;
  }

  join: dim_exams {
    type: left_outer
    relationship: many_to_one
    sql_on: ${fact_responses.exam_code} = ${dim_exams.exam_code} ;;
  }
}

explore: fact_sessions {
  label: "Sessions"
  group_label: "QBank: learners"
  description: "Each sitting: length, outcome, time and precision."

  access_filter: {
    field: fact_sessions.tenant_id
    user_attribute: tenant_id
  }

  join: dim_exams {
    type: left_outer
    relationship: many_to_one
    sql_on: ${fact_sessions.exam_code} = ${dim_exams.exam_code} ;;
  }

  join: user_ability {
    type: left_outer
    relationship: many_to_one
    sql_on: ${fact_sessions.exam_code} = ${user_ability.exam_code} and ${fact_sessions.user_id} = ${user_ability.user_id} ;;
  }
}

explore: exam_daily_activity {
  label: "Daily activity"
  group_label: "QBank: learners"
  description: "Activity of each exam by day; the quickest way to a trend."

  access_filter: {
    field: exam_daily_activity.tenant_id
    user_attribute: tenant_id
  }

  join: dim_exams {
    type: left_outer
    relationship: many_to_one
    sql_on: ${exam_daily_activity.exam_code} = ${dim_exams.exam_code} ;;
  }
}

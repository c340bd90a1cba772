# What students know: by topic, and overall.
explore: topic_mastery {
  label: "Topic mastery"
  group_label: "QBank: learners"
  description: "Accuracy and mastery of each student and topic, with intervals."

  access_filter: {
    field: topic_mastery.tenant_id
    user_attribute: tenant_id
  }

  join: dim_topics {
    type: left_outer
    relationship: many_to_one
    sql_on: ${topic_mastery.topic_id} = ${dim_topics.pk1_topic_id} ;;
  }

  join: dim_exams {
    type: left_outer
    relationship: many_to_one
    sql_on: ${topic_mastery.exam_code} = ${dim_exams.exam_code} ;;
  }

  join: user_ability {
    type: left_outer
    relationship: many_to_one
    sql_on: ${topic_mastery.exam_code} = ${user_ability.exam_code} and ${topic_mastery.user_id} = ${user_ability.user_id} ;;
  }
}

explore: user_ability {
  label: "Ability"
  group_label: "QBank: learners"
  description: "The last ability estimate of each student and exam."

  access_filter: {
    field: user_ability.tenant_id
    user_attribute: tenant_id
  }

  join: dim_exams {
    type: left_outer
    relationship: many_to_one
    sql_on: ${user_ability.exam_code} = ${dim_exams.exam_code} ;;
  }
}

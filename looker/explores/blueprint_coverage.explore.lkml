# What the exam should be made of, and what it is made of.
explore: blueprint_coverage {
  label: "Blueprint coverage"
  group_label: "QBank: items"
  description: "Target and actual shares by topic and difficulty, and what to write next."

  access_filter: {
    field: blueprint_coverage.tenant_id
    user_attribute: tenant_id
  }

  join: dim_topics {
    type: left_outer
    relationship: many_to_one
    sql_on: ${blueprint_coverage.topic_id} = ${dim_topics.pk1_topic_id} ;;
  }

  join: dim_exams {
    type: left_outer
    relationship: many_to_one
    sql_on: ${blueprint_coverage.exam_code} = ${dim_exams.exam_code} ;;
  }
}

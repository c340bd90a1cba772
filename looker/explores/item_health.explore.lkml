# How each item does.
explore: item_health {
  label: "Item health"
  group_label: "QBank: items"
  description: "Difficulty, discrimination, exposure, parameters and flags of each item."

  access_filter: {
    field: item_health.tenant_id
    user_attribute: tenant_id
  }

  join: dim_items {
    type: left_outer
    relationship: many_to_one
    sql_on: ${item_health.question_id} = ${dim_items.question_id} and ${item_health.version} = ${dim_items.version} ;;
  }

  join: item_fit {
    type: left_outer
    relationship: one_to_one
    sql_on: ${item_health.exam_code} = ${item_fit.exam_code} and ${item_health.question_id} = ${item_fit.question_id} and ${item_health.version} = ${item_fit.version} ;;
  }

  join: dim_topics {
    type: left_outer
    relationship: many_to_one
    sql_on: ${item_health.topic_id} = ${dim_topics.pk1_topic_id} ;;
  }

  join: dim_exams {
    type: left_outer
    relationship: many_to_one
    sql_on: ${item_health.exam_code} = ${dim_exams.exam_code} ;;
  }
}

# Whether items are harder for a group than for another of equal ability.
explore: item_fairness {
  label: "Item fairness"
  group_label: "QBank: items"
  description: "Differential item functioning by each attribute of people."

  access_filter: {
    field: item_fairness.tenant_id
    user_attribute: tenant_id
  }

  join: dim_items {
    type: left_outer
    relationship: many_to_one
    sql_on: ${item_fairness.question_id} = ${dim_items.question_id} and ${item_fairness.version} = ${dim_items.version} ;;
  }

  join: dim_exams {
    type: left_outer
    relationship: many_to_one
    sql_on: ${item_fairness.exam_code} = ${dim_exams.exam_code} ;;
  }

  join: item_examinations {
    type: left_outer
    relationship: many_to_one
    sql_on: ${item_fairness.exam_code} = ${item_examinations.exam_code} ;;
  }
}

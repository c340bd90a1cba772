# Selection rules against each other.
explore: selector_experiment {
  label: "Selector experiment"
  group_label: "QBank: exposure"
  description: "Cohorts under different selection rules: exposure, overlap, precision, time."

  access_filter: {
    field: selector_experiment.tenant_id
    user_attribute: tenant_id
  }

  join: dim_exams {
    type: left_outer
    relationship: many_to_one
    sql_on: ${selector_experiment.exam_code} = ${dim_exams.exam_code} ;;
  }
}

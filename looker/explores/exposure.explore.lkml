# How often items are seen, and the runs that keep it in bounds.
explore: exposure_daily_rates {
  label: "Daily exposure"
  group_label: "QBank: exposure"
  description: "Rates of each item by day, with selections that were held back."

  access_filter: {
    field: exposure_daily_rates.tenant_id
    user_attribute: tenant_id
  }

  join: dim_items {
    type: left_outer
    relationship: many_to_one
    sql_on: ${exposure_daily_rates.question_id} = ${dim_items.question_id} and ${exposure_daily_rates.version} = ${dim_items.version} ;;
  }

  join: item_health {
    type: left_outer
    relationship: many_to_one
    sql_on: ${exposure_daily_rates.exam_code} = ${item_health.exam_code}
      and ${exposure_daily_rates.question_id} = ${item_health.question_id}
      and ${exposure_daily_rates.version} = ${item_health.version} ;;
  }

  join: dim_exams {
    type: left_outer
    relationship: many_to_one
    sql_on: ${exposure_daily_rates.exam_code} = ${dim_exams.exam_code} ;;
  }
}

explore: calibration_run_summary {
  label: "Calibration runs"
  group_label: "QBank: exposure"
  description: "Each run: how long, how far, what it changed, what it cost in precision."

  access_filter: {
    field: calibration_run_summary.tenant_id
    user_attribute: tenant_id
  }

  join: dim_exams {
    type: left_outer
    relationship: many_to_one
    sql_on: ${calibration_run_summary.exam_code} = ${dim_exams.exam_code} ;;
  }
}

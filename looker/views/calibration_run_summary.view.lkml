# One row a calibration run.
view: calibration_run_summary {
  label: "Calibration runs"
  sql_table_name: @{schema}.calibration_run_summary ;;

  dimension: pk1_run_id {
    primary_key: yes
    hidden: yes
    type: string
    sql: ${TABLE}.run_id ;;
  }

  dimension: tenant_id {
    type: string
    hidden: yes
    sql: ${TABLE}.tenant_id ;;
  }

  dimension: run_id {
    type: string
    description: "Id of the calibration run."
    sql: ${TABLE}.run_id ;;
  }

  dimension: exam_code {
    label: "Exam"
    type: string
    description: "The exam that the row is about."
    sql: ${TABLE}.exam_code ;;
  }

  dimension: kind {
    type: string
    description: "irt, sympson_hetter, reestimation or rollback."
    sql: ${TABLE}.kind ;;
  }

  dimension: status {
    type: string
    description: "queued, running, proposed, done, empty, failed, canceled, or rejected by the audit."
    sql: ${TABLE}.status ;;
  }

  dimension: requested_by {
    type: string
    description: "Who asked for it."
    sql: ${TABLE}.requested_by ;;
  }

  dimension_group: requested {
    type: time
    timeframes: [raw, time, date, week, month]
    datatype: timestamp
    description: "When it was asked for (UTC)."
    sql: ${TABLE}.requested_at ;;
  }

  dimension_group: started {
    type: time
    timeframes: [raw, time, date]
    datatype: timestamp
    description: "When it began (UTC)."
    sql: ${TABLE}.started_at ;;
  }

  dimension_group: finished {
    type: time
    timeframes: [raw, time, date, week, month]
    datatype: timestamp
    description: "When it ended (UTC)."
    sql: ${TABLE}.finished_at ;;
  }

  dimension: wait_seconds {
    label: "Wait (s)"
    type: number
    description: "Time in the queue, in seconds."
    value_format_name: decimal_1
    sql: ${TABLE}.wait_seconds ;;
  }

  dimension: run_seconds {
    label: "Run time (s)"
    type: number
    description: "Time at work, in seconds."
    value_format_name: decimal_1
    sql: ${TABLE}.run_seconds ;;
  }

  dimension: tau {
    type: number
    description: "The exposure rate that the run was asked to keep to."
    value_format_name: percent_1
    sql: ${TABLE}.tau ;;
  }

  dimension: is_dry_run {
    type: yesno
    description: "Whether nothing was to be published."
    sql: ${TABLE}.is_dry_run ;;
  }

  dimension: iterations {
    type: number
    description: "Iterations of the search."
    value_format_name: decimal_0
    sql: ${TABLE}.iterations ;;
  }

  dimension: max_exposure_first {
    label: "Max exposure, first"
    type: number
    description: "Highest simulated exposure rate before control."
    value_format_name: percent_1
    sql: ${TABLE}.max_exposure_first ;;
  }

  dimension: max_exposure_last {
    label: "Max exposure, last"
    type: number
    description: "Highest simulated exposure rate at the end."
    value_format_name: percent_1
    sql: ${TABLE}.max_exposure_last ;;
  }

  dimension: overlap_first {
    label: "Overlap, first"
    type: number
    description: "Share of items that two simulated students have in common, before control."
    value_format_name: percent_1
    sql: ${TABLE}.overlap_first ;;
  }

  dimension: overlap_last {
    label: "Overlap, last"
    type: number
    description: "The same at the end."
    value_format_name: percent_1
    sql: ${TABLE}.overlap_last ;;
  }

  dimension: rmse_first {
    label: "RMSE, first"
    type: number
    description: "Root mean square error of simulated ability before control, in logits."
    value_format: "0.000"
    sql: ${TABLE}.rmse_first ;;
  }

  dimension: rmse_last {
    label: "RMSE, last"
    type: number
    description: "The same at the end: the price of control in precision."
    value_format: "0.000"
    sql: ${TABLE}.rmse_last ;;
  }

  dimension: bias_last {
    label: "Bias, last"
    type: number
    description: "Mean error of simulated ability at the end, in logits."
    value_format: "0.000"
    sql: ${TABLE}.bias_last ;;
  }

  dimension: is_converged {
    type: yesno
    description: "Whether the search converged."
    sql: ${TABLE}.is_converged ;;
  }

  dimension: stopped_reason {
    type: string
    description: "Why the search stopped."
    sql: ${TABLE}.stopped_reason ;;
  }

  dimension: error {
    type: string
    description: "What went wrong."
    sql: ${TABLE}.error ;;
  }

  dimension: sh_p_changed {
    label: "sh_p changed"
    type: number
    description: "How many exposure-control parameters it changed."
    value_format_name: decimal_0
    sql: ${TABLE}.sh_p_changed ;;
  }

  dimension: mean_abs_sh_p_change {
    label: "Mean change of sh_p"
    type: number
    description: "Mean size of those changes."
    value_format: "0.000"
    sql: ${TABLE}.mean_abs_sh_p_change ;;
  }

  dimension: max_abs_sh_p_change {
    label: "Max change of sh_p"
    type: number
    description: "Largest of those changes."
    value_format: "0.000"
    sql: ${TABLE}.max_abs_sh_p_change ;;
  }

  dimension: parameters_in_force {
    type: number
    description: "How many item parameters of the run are in force."
    value_format_name: decimal_0
    sql: ${TABLE}.parameters_in_force ;;
  }

  measure: run_count {
    type: count
    description: "Number of runs."
    value_format_name: decimal_0
    drill_fields: [detail*]
  }

  measure: done_count {
    type: count
    description: "Number of runs with status done."
    value_format_name: decimal_0
    filters: [status: "done"]
    drill_fields: [detail*]
  }

  measure: failed_count {
    type: count
    description: "Number of runs with status failed."
    value_format_name: decimal_0
    filters: [status: "failed"]
    drill_fields: [detail*]
  }

  measure: rejected_count {
    type: count
    description: "Number of runs with status rejected."
    value_format_name: decimal_0
    filters: [status: "rejected"]
    drill_fields: [detail*]
  }

  measure: success_rate {
    type: number
    description: "Share of the runs that ended as done."
    value_format_name: percent_1
    sql: 1.0 * ${done_count} / nullif(${done_count} + ${failed_count} + ${rejected_count}, 0) ;;
  }

  measure: median_run_seconds {
    label: "Median run time (s)"
    type: median
    description: "Median time at work, in seconds."
    value_format_name: decimal_1
    sql: ${run_seconds} ;;
  }

  measure: mean_max_exposure_last {
    label: "Mean max exposure"
    type: average
    description: "Mean of the highest simulated exposure rates at the end."
    value_format_name: percent_1
    sql: ${max_exposure_last} ;;
  }

  measure: mean_rmse_last {
    label: "Mean RMSE"
    type: average
    description: "Mean error of simulated ability at the end, in logits."
    value_format: "0.000"
    sql: ${rmse_last} ;;
  }

  measure: total_sh_p_changed {
    label: "sh_p changed, total"
    type: sum
    description: "Exposure-control parameters changed."
    value_format_name: decimal_0
    drill_fields: [detail*]
    sql: ${sh_p_changed} ;;
  }

  set: detail {
    fields: [requested_time, exam_code, kind, status, requested_by, iterations, max_exposure_last, rmse_last, sh_p_changed, run_seconds]
  }
}

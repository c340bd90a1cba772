# One row per calibration run.
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
    description: "The calibration run."
    sql: ${TABLE}.run_id ;;
  }

  dimension: exam_code {
    label: "Exam"
    type: string
    description: "The exam. For what happened in a quiz it is the exam of the quiz, not of the question."
    sql: ${TABLE}.exam_code ;;
  }

  dimension: kind {
    type: string
    description: "irt, sympson_hetter, reestimation or rollback."
    sql: ${TABLE}.kind ;;
  }

  dimension: status {
    type: string
    description: "queued, running, proposed, done, empty, failed, canceled or rejected."
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
    description: "When it was asked for."
    sql: ${TABLE}.requested_at ;;
  }

  dimension_group: started {
    type: time
    timeframes: [raw, time, date]
    datatype: timestamp
    description: "When work on the run began."
    sql: ${TABLE}.started_at ;;
  }

  dimension_group: finished {
    type: time
    timeframes: [raw, time, date, week, month]
    datatype: timestamp
    description: "When the run ended, however it did."
    sql: ${TABLE}.finished_at ;;
  }

  dimension: wait_seconds {
    label: "Wait (s)"
    type: number
    description: "Seconds from request to start."
    value_format_name: decimal_1
    sql: ${TABLE}.wait_seconds ;;
  }

  dimension: run_seconds {
    label: "Run time (s)"
    type: number
    description: "Seconds from start to end."
    value_format_name: decimal_1
    sql: ${TABLE}.run_seconds ;;
  }

  dimension: tau {
    type: number
    description: "The cap it was asked to keep; null for kinds without one."
    value_format_name: percent_1
    sql: ${TABLE}.tau ;;
  }

  dimension: is_dry_run {
    type: yesno
    description: "Asked to propose without publishing."
    sql: ${TABLE}.is_dry_run ;;
  }

  dimension: iterations {
    type: number
    description: "Iterations of the search, or cycles of the fit."
    value_format_name: decimal_0
    sql: ${TABLE}.iterations ;;
  }

  dimension: max_exposure_first {
    label: "Max exposure"
    type: number
    description: "Highest exposure rate in the first iteration."
    value_format_name: percent_1
    sql: ${TABLE}.max_exposure_first ;;
  }

  dimension: max_exposure_last {
    label: "Max exposure"
    type: number
    description: "Highest exposure rate in the last iteration."
    value_format_name: percent_1
    sql: ${TABLE}.max_exposure_last ;;
  }

  dimension: overlap_first {
    label: "Overlap"
    type: number
    description: "Item overlap in the first iteration."
    value_format_name: percent_1
    sql: ${TABLE}.overlap_first ;;
  }

  dimension: overlap_last {
    label: "Overlap"
    type: number
    description: "Item overlap in the last iteration."
    value_format_name: percent_1
    sql: ${TABLE}.overlap_last ;;
  }

  dimension: rmse_first {
    label: "RMSE"
    type: number
    description: "Root mean squared error of ability in the first iteration."
    value_format: "0.000"
    sql: ${TABLE}.rmse_first ;;
  }

  dimension: rmse_last {
    label: "RMSE"
    type: number
    description: "Root mean squared error of ability in the last iteration."
    value_format: "0.000"
    sql: ${TABLE}.rmse_last ;;
  }

  dimension: bias_last {
    label: "Bias"
    type: number
    description: "Mean error of ability in the last iteration."
    value_format: "0.000"
    sql: ${TABLE}.bias_last ;;
  }

  dimension: is_converged {
    type: yesno
    description: "Whether the search converged, as the run says; null if it does not say."
    sql: ${TABLE}.is_converged ;;
  }

  dimension: stopped_reason {
    type: string
    description: "Why the run stopped before its end, or else why its search ended (converged, within_noise, max_iterations)."
    sql: ${TABLE}.stopped_reason ;;
  }

  dimension: error {
    type: string
    description: "Why the run failed."
    sql: ${TABLE}.error ;;
  }

  dimension: sh_p_changed {
    label: "sh_p changed"
    type: number
    description: "Changes of sh_p that it published."
    value_format_name: decimal_0
    sql: ${TABLE}.sh_p_changed ;;
  }

  dimension: mean_abs_sh_p_change {
    label: "Mean change of sh_p"
    type: number
    description: "Mean size of the changes of sh_p that it published; without control an item counts as 1."
    value_format: "0.000"
    sql: ${TABLE}.mean_abs_sh_p_change ;;
  }

  dimension: max_abs_sh_p_change {
    label: "Max change of sh_p"
    type: number
    description: "Largest of the changes of sh_p that it published; without control an item counts as 1."
    value_format: "0.000"
    sql: ${TABLE}.max_abs_sh_p_change ;;
  }

  dimension: parameters_in_force {
    type: number
    description: "Items whose published parameters are still this run's."
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

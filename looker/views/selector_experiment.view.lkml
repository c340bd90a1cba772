# One row per exam, cohort key and cohort.
view: selector_experiment {
  label: "Selector experiment"
  sql_table_name: @{schema}.selector_experiment ;;

  dimension: pk3_exam_code_cohort_key_cohort_value {
    primary_key: yes
    hidden: yes
    type: string
    sql: concat_ws('|', ${TABLE}.exam_code, ${TABLE}.cohort_key, ${TABLE}.cohort_value) ;;
  }

  dimension: tenant_id {
    type: string
    hidden: yes
    sql: ${TABLE}.tenant_id ;;
  }

  dimension: exam_code {
    label: "Exam"
    type: string
    description: "The exam. For what happened in a quiz it is the exam of the quiz, not of the question."
    sql: ${TABLE}.exam_code ;;
  }

  dimension: cohort_key {
    label: "Experiment"
    type: string
    description: "The experiment: what was divided into cohorts."
    sql: ${TABLE}.cohort_key ;;
  }

  dimension: cohort_value {
    label: "Cohort"
    type: string
    description: "The cohort, an arm of the experiment."
    sql: ${TABLE}.cohort_value ;;
  }

  dimension: sessions {
    type: number
    description: "Ended quizzes: the sample size of exposure and overlap."
    value_format_name: decimal_0
    sql: ${TABLE}.sessions ;;
  }

  dimension: sessions_finished {
    type: number
    description: "Of the ended quizzes, those that were finished."
    value_format_name: decimal_0
    sql: ${TABLE}.sessions_finished ;;
  }

  dimension: mean_test_length {
    type: number
    description: "Items served a quiz."
    value_format_name: decimal_1
    sql: ${TABLE}.mean_test_length ;;
  }

  dimension: items_served {
    type: number
    description: "Different items served."
    value_format_name: decimal_0
    sql: ${TABLE}.items_served ;;
  }

  dimension: max_exposure {
    label: "Max exposure"
    type: number
    description: "Highest exposure rate of an item; being the largest of many, it is overstated."
    value_format_name: percent_1
    sql: ${TABLE}.max_exposure ;;
  }

  dimension: max_exposure_lower {
    label: "Max exposure"
    type: number
    description: "Lower end of that item's 95 % Wilson interval."
    value_format_name: percent_1
    sql: ${TABLE}.max_exposure_lower ;;
  }

  dimension: max_exposure_upper {
    label: "Max exposure"
    type: number
    description: "Upper end of that item's 95 % Wilson interval; being the largest of many, the item's own rate is overstated."
    value_format_name: percent_1
    sql: ${TABLE}.max_exposure_upper ;;
  }

  dimension: overlap {
    label: "Overlap"
    type: number
    description: "Share of items that two quizzes have in common: Σc(c − 1) ÷ (N(N − 1)L), c the times an item was served, N sessions, L mean_test_length."
    value_format_name: percent_1
    sql: ${TABLE}.overlap ;;
  }

  dimension: overlap_lower {
    label: "Overlap"
    type: number
    description: "Lower end of the overlap's 95 % interval, from the delete-a-day jackknife (Quenouille 1956, Tukey 1958); null under 5 days."
    value_format_name: percent_1
    sql: ${TABLE}.overlap_lower ;;
  }

  dimension: overlap_upper {
    label: "Overlap"
    type: number
    description: "Upper end of the overlap's 95 % interval, from the delete-a-day jackknife; null under 5 days."
    value_format_name: percent_1
    sql: ${TABLE}.overlap_upper ;;
  }

  dimension: mean_theta_se {
    label: "Mean theta SE"
    type: number
    description: "Mean standard error of the final ability estimate."
    value_format: "0.000"
    sql: ${TABLE}.mean_theta_se ;;
  }

  dimension: mean_theta_se_lower {
    label: "Mean theta SE"
    type: number
    description: "Lower end of the 95 % normal interval of mean_theta_se over quizzes; null under 2."
    value_format: "0.000"
    sql: ${TABLE}.mean_theta_se_lower ;;
  }

  dimension: mean_theta_se_upper {
    label: "Mean theta SE"
    type: number
    description: "Upper end of the 95 % normal interval of mean_theta_se over quizzes; null under 2."
    value_format: "0.000"
    sql: ${TABLE}.mean_theta_se_upper ;;
  }

  dimension: mean_accuracy {
    label: "Mean accuracy"
    type: number
    description: "Mean share correct of a quiz."
    value_format_name: percent_1
    sql: ${TABLE}.mean_accuracy ;;
  }

  dimension: mean_accuracy_lower {
    label: "Mean accuracy"
    type: number
    description: "Lower end of the 95 % normal interval of mean_accuracy over quizzes; null under 2."
    value_format_name: percent_1
    sql: ${TABLE}.mean_accuracy_lower ;;
  }

  dimension: mean_accuracy_upper {
    label: "Mean accuracy"
    type: number
    description: "Upper end of the 95 % normal interval of mean_accuracy over quizzes; null under 2."
    value_format_name: percent_1
    sql: ${TABLE}.mean_accuracy_upper ;;
  }

  dimension: mean_time_ms {
    type: number
    hidden: yes
    sql: ${TABLE}.mean_time_ms ;;
  }

  dimension: mean_time_ms_lower {
    type: number
    hidden: yes
    sql: ${TABLE}.mean_time_ms_lower ;;
  }

  dimension: mean_time_ms_upper {
    type: number
    hidden: yes
    sql: ${TABLE}.mean_time_ms_upper ;;
  }

  dimension: mean_time_s {
    label: "Mean time (s)"
    type: number
    description: "Mean time on an item, in seconds."
    value_format_name: decimal_1
    sql: ${mean_time_ms} / 1000.0 ;;
  }

  dimension: mean_time_s_lower {
    label: "Mean time (s), lower"
    type: number
    description: "Lower end of its 95 % interval."
    value_format_name: decimal_1
    sql: ${mean_time_ms_lower} / 1000.0 ;;
  }

  dimension: mean_time_s_upper {
    label: "Mean time (s), upper"
    type: number
    description: "Upper end of its 95 % interval."
    value_format_name: decimal_1
    sql: ${mean_time_ms_upper} / 1000.0 ;;
  }

  dimension: mean_theta_se_sessions {
    group_label: "Sample sizes"
    type: number
    description: "Quizzes that mean_theta_se is taken over."
    value_format_name: decimal_0
    sql: ${TABLE}.mean_theta_se_sessions ;;
  }

  dimension: mean_accuracy_sessions {
    group_label: "Sample sizes"
    type: number
    description: "Quizzes that mean_accuracy is taken over."
    value_format_name: decimal_0
    sql: ${TABLE}.mean_accuracy_sessions ;;
  }

  dimension: mean_time_ms_sessions {
    label: "Mean Time Sessions"
    group_label: "Sample sizes"
    type: number
    description: "Quizzes that mean_time_ms is taken over."
    value_format_name: decimal_0
    sql: ${TABLE}.mean_time_ms_sessions ;;
  }

  dimension_group: first {
    type: time
    timeframes: [raw, date]
    datatype: date
    convert_tz: no
    description: "First day with an ended quiz."
    sql: ${TABLE}.first_day ;;
  }

  dimension_group: last {
    type: time
    timeframes: [raw, date]
    datatype: date
    convert_tz: no
    description: "Last day with an ended quiz."
    sql: ${TABLE}.last_day ;;
  }

  measure: cohort_count {
    type: count
    description: "Number of cohorts, by exam."
    value_format_name: decimal_0
    drill_fields: [detail*]
  }

  measure: total_sessions {
    label: "Sessions, total"
    type: sum
    description: "Ended sessions."
    value_format_name: decimal_0
    drill_fields: [detail*]
    sql: ${sessions} ;;
  }

  measure: cohort_max_exposure {
    label: "Highest exposure"
    type: max
    description: "Highest exposure rate of an item in the cohort."
    value_format_name: percent_1
    sql: ${max_exposure} ;;
  }

  measure: cohort_overlap {
    label: "Highest overlap"
    type: max
    description: "Overlap of the cohort; of several, the highest."
    value_format_name: percent_1
    sql: ${overlap} ;;
  }

  measure: cohort_theta_se {
    label: "Highest mean theta SE"
    type: max
    description: "Mean theta SE of the cohort; of several, the highest."
    value_format: "0.000"
    sql: ${mean_theta_se} ;;
  }

  set: detail {
    fields: [exam_code, cohort_key, cohort_value, sessions, max_exposure, overlap, mean_theta_se, mean_accuracy, mean_time_s]
  }
}

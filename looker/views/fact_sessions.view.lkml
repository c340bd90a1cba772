# One row per quiz session.
view: fact_sessions {
  label: "Sessions"
  sql_table_name: @{schema}.fact_sessions ;;

  dimension: pk1_quiz_id {
    primary_key: yes
    hidden: yes
    type: string
    sql: ${TABLE}.quiz_id ;;
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

  dimension: quiz_id {
    type: string
    description: "The quiz: one sitting of one student."
    sql: ${TABLE}.quiz_id ;;
  }

  dimension: user_id {
    label: "Student"
    type: string
    description: "The student, as the tenant names them."
    sql: ${TABLE}.user_id ;;
  }

  dimension: mode {
    type: string
    description: "tutor (explained after each answer) or exam (results at the end)."
    sql: ${TABLE}.mode ;;
  }

  dimension: is_adaptive {
    type: yesno
    description: "Whether items were chosen by the running ability estimate."
    sql: ${TABLE}.is_adaptive ;;
  }

  dimension: selector {
    type: string
    description: "The selection rule chosen for the quiz: vanilla, sympson_hetter, randomesque, a_stratified, progressive, progressive_se, priority or fixed."
    sql: ${TABLE}.selector ;;
  }

  dimension: status {
    type: string
    description: "open, finished, or expired (its time ran out before it was finished)."
    sql: ${TABLE}.status ;;
  }

  dimension: num_questions {
    label: "Scored items"
    type: number
    description: "Scored items of the quiz."
    value_format_name: decimal_0
    sql: ${TABLE}.num_questions ;;
  }

  dimension: served {
    label: "Items served"
    type: number
    description: "Items served in the quiz."
    value_format_name: decimal_0
    sql: ${TABLE}.served ;;
  }

  dimension: answered {
    label: "Items answered"
    type: number
    description: "Items of the quiz that were answered."
    value_format_name: decimal_0
    sql: ${TABLE}.answered ;;
  }

  dimension: pretest_served {
    label: "Items tried out"
    type: number
    description: "Those of the served items that were tried out, without parameters and unscored."
    value_format_name: decimal_0
    sql: ${TABLE}.pretest_served ;;
  }

  dimension: pretest_answered {
    label: "Tried-out items answered"
    type: number
    description: "Those of the answered items that were tried out."
    value_format_name: decimal_0
    sql: ${TABLE}.pretest_answered ;;
  }

  dimension: correct {
    label: "Items correct"
    type: number
    description: "Items answered correctly, but for those that are void in the exam or were tried out."
    value_format_name: decimal_0
    sql: ${TABLE}.correct ;;
  }

  dimension: accuracy {
    type: number
    description: "correct ÷ answered items that are neither void nor were tried out; null if there are none."
    value_format_name: percent_1
    sql: ${TABLE}.accuracy ;;
  }

  dimension: time_taken_ms {
    type: number
    hidden: yes
    sql: ${TABLE}.time_taken_ms ;;
  }

  dimension: time_taken_min {
    label: "Time (min)"
    type: number
    description: "Time on all items together, in minutes."
    value_format_name: decimal_1
    sql: ${time_taken_ms} / 60000.0 ;;
  }

  dimension: theta {
    type: number
    description: "Last ability estimate (EAP); the starting value where ability was not estimated."
    value_format_name: decimal_2
    sql: ${TABLE}.theta ;;
  }

  dimension: theta_se {
    label: "Theta SE"
    type: number
    description: "Posterior standard deviation of theta; null where ability was not estimated."
    value_format_name: decimal_2
    sql: ${TABLE}.theta_se ;;
  }

  dimension_group: started {
    type: time
    timeframes: [raw, time, hour_of_day, date, week, month]
    datatype: timestamp
    description: "When it was started."
    sql: ${TABLE}.started_at ;;
  }

  dimension_group: ended {
    type: time
    timeframes: [raw, time, date, week, month]
    datatype: timestamp
    description: "When it ended; null while open."
    sql: ${TABLE}.ended_at ;;
  }

  measure: session_count {
    type: count
    description: "Number of sessions."
    value_format_name: decimal_0
    drill_fields: [detail*]
  }

  measure: ended_count {
    type: count
    description: "Number of finished or expired sessions."
    hidden: yes
    filters: [status: "finished,expired"]
    drill_fields: [detail*]
  }

  measure: finished_count {
    type: count
    description: "Number of finished sessions."
    value_format_name: decimal_0
    filters: [status: "finished"]
    drill_fields: [detail*]
  }

  measure: expired_count {
    type: count
    description: "Number of sessions that were left before the end."
    value_format_name: decimal_0
    filters: [status: "expired"]
    drill_fields: [detail*]
  }

  measure: completion_rate {
    type: number
    description: "Share of ended sessions that were finished."
    value_format_name: percent_1
    sql: 1.0 * ${finished_count} / nullif(${ended_count}, 0) ;;
  }

  measure: user_count {
    label: "Students"
    type: count_distinct
    description: "Number of students with a session."
    value_format_name: decimal_0
    drill_fields: [detail*]
    sql: ${user_id} ;;
  }

  measure: mean_answered {
    type: average
    description: "Mean number of answers a session."
    value_format_name: decimal_1
    sql: ${answered} ;;
  }

  measure: mean_theta_se {
    label: "Mean theta SE"
    type: average
    description: "Mean standard error of ability at the end, in logits."
    value_format_name: decimal_2
    sql: ${theta_se} ;;
  }

  measure: median_time_min {
    label: "Median time (min)"
    type: median
    description: "Median time a session, in minutes."
    value_format_name: decimal_1
    sql: ${time_taken_min} ;;
  }

  set: detail {
    fields: [started_time, user_id, exam_code, mode, selector, status, answered, accuracy, theta, theta_se]
  }
}

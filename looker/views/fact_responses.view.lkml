# One row per response.
view: fact_responses {
  label: "Responses"
  sql_table_name: @{schema}.fact_responses ;;

  dimension: pk1_response_id {
    primary_key: yes
    hidden: yes
    type: string
    sql: ${TABLE}.response_id ;;
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

  dimension: question_id {
    type: number
    description: "The question, whatever its version."
    value_format_name: decimal_0
    sql: ${TABLE}.question_id ;;
  }

  dimension: version {
    type: number
    description: "The question's version: the one that was served, for what happened in a quiz."
    value_format_name: decimal_0
    sql: ${TABLE}.version ;;
  }

  dimension: topic_id {
    type: number
    hidden: yes
    sql: ${TABLE}.topic_id ;;
  }

  dimension: position {
    type: number
    description: "The item's place in the quiz, from 1."
    value_format_name: decimal_0
    sql: ${TABLE}.position ;;
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
    description: "The rule that chose the item: vanilla, sympson_hetter, randomesque, a_stratified, progressive, progressive_se, priority or fixed."
    sql: ${TABLE}.selector ;;
  }

  dimension: theta_before {
    label: "Theta before"
    type: number
    description: "Ability estimate (EAP, logits of the exam's scale) just before the item was chosen; null in quizzes that are not adaptive."
    value_format_name: decimal_2
    sql: ${TABLE}.theta_before ;;
  }

  dimension: sh_p {
    label: "sh_p"
    type: number
    description: "Exposure-control parameter that the item was chosen under: the probability that it is administered once it is selected, 0..1."
    value_format: "0.000"
    sql: ${TABLE}.sh_p ;;
  }

  dimension: option_label {
    type: string
    description: "The label of the option that was chosen, a letter, digit or code; null where only right or wrong was recorded."
    sql: ${TABLE}.option_label ;;
  }

  dimension: is_correct {
    type: yesno
    description: "Whether the answer is right, by the key or the score that it came with, or as it was rescored since."
    sql: ${TABLE}.is_correct ;;
  }

  dimension: score_share {
    label: "Share of marks"
    type: number
    description: "The answer's share of the item's marks, 0..1: its points divided by the most that the item gives; 1 or 0 where is_correct says all."
    value_format_name: percent_1
    sql: ${TABLE}.score_share ;;
  }

  dimension: is_void {
    type: yesno
    description: "Whether the item is void in the exam, so that the answer counts neither for calibration nor for a score."
    sql: ${TABLE}.is_void ;;
  }

  dimension: is_pretest {
    type: yesno
    description: "Whether the item was tried out: it was served without parameters, and the answer counts for calibration and the item's own statistics alone, in no score, ability, mastery or exposure rate."
    sql: ${TABLE}.is_pretest ;;
  }

  dimension: time_taken_ms {
    type: number
    hidden: yes
    sql: ${TABLE}.time_taken_ms ;;
  }

  dimension: time_taken_s {
    label: "Time on item (s)"
    type: number
    description: "Time on the item in seconds."
    value_format_name: decimal_1
    sql: ${time_taken_ms} / 1000.0 ;;
  }

  dimension: attempt_number {
    type: number
    description: "Which of this student's answers to this question it is, in any exam and version, by answered_at, then by the order they came in; 1 is the first."
    value_format_name: decimal_0
    sql: ${TABLE}.attempt_number ;;
  }

  dimension: is_first_attempt {
    type: yesno
    description: "attempt_number is 1; only these feed estimation."
    sql: ${TABLE}.is_first_attempt ;;
  }

  dimension_group: answered {
    type: time
    timeframes: [raw, time, hour_of_day, date, week, month]
    datatype: timestamp
    description: "When the student answered."
    sql: ${TABLE}.answered_at ;;
  }

  dimension_group: served {
    type: time
    timeframes: [raw, time, date]
    datatype: timestamp
    description: "When the item was served."
    sql: ${TABLE}.served_at ;;
  }

  dimension_group: recorded {
    type: time
    timeframes: [raw, time, date]
    datatype: timestamp
    description: "When the row came into the database; later than the event for imports and for devices that were offline."
    sql: ${TABLE}.recorded_at ;;
  }

  dimension_group: session_started {
    type: time
    timeframes: [raw, date, week, month]
    datatype: date
    convert_tz: no
    description: "UTC date on which the quiz was started; daily aggregates are kept by it."
    sql: ${TABLE}.session_started_on ;;
  }

  measure: response_count {
    type: count
    description: "Number of responses."
    value_format_name: decimal_0
    drill_fields: [detail*]
  }

  measure: correct_count {
    type: count
    description: "Number of correct responses."
    value_format_name: decimal_0
    filters: [is_correct: "yes"]
    drill_fields: [detail*]
  }

  measure: accuracy {
    type: number
    description: "Share of responses that are correct."
    value_format_name: percent_1
    sql: 1.0 * ${correct_count} / nullif(${response_count}, 0) ;;
  }

  measure: first_attempt_count {
    type: count
    description: "Number of first attempts."
    value_format_name: decimal_0
    filters: [is_first_attempt: "yes"]
    drill_fields: [detail*]
  }

  measure: first_attempt_correct_count {
    type: count
    description: "Number of correct first attempts."
    hidden: yes
    filters: [is_first_attempt: "yes", is_correct: "yes"]
    drill_fields: [detail*]
  }

  measure: first_attempt_accuracy {
    type: number
    description: "Share of first attempts that are correct."
    value_format_name: percent_1
    sql: 1.0 * ${first_attempt_correct_count} / nullif(${first_attempt_count}, 0) ;;
  }

  measure: user_count {
    label: "Active students"
    type: count_distinct
    description: "Number of students who answered."
    value_format_name: decimal_0
    drill_fields: [detail*]
    sql: ${user_id} ;;
  }

  measure: question_count {
    type: count_distinct
    description: "Number of questions that were answered."
    value_format_name: decimal_0
    drill_fields: [detail*]
    sql: ${question_id} ;;
  }

  measure: mean_time_s {
    label: "Mean time on item (s)"
    type: average
    description: "Mean time on an item, in seconds."
    value_format_name: decimal_1
    sql: ${time_taken_s} ;;
  }

  measure: median_time_s {
    label: "Median time on item (s)"
    type: median
    description: "Median time on an item, in seconds."
    value_format_name: decimal_1
    sql: ${time_taken_s} ;;
  }

  set: detail {
    fields: [answered_time, user_id, exam_code, question_id, version, option_label, is_correct, time_taken_s]
  }
}

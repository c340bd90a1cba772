# One row per exam, question, version and day.
view: exposure_daily_rates {
  label: "Daily exposure"
  sql_table_name: @{schema}.exposure_daily_rates ;;

  dimension: pk4_exam_code_question_id_version_day {
    primary_key: yes
    hidden: yes
    type: string
    sql: concat_ws('|', ${TABLE}.exam_code, ${TABLE}.question_id, ${TABLE}.version, ${TABLE}.day) ;;
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

  dimension_group: exposure {
    type: time
    timeframes: [raw, date, week, month]
    datatype: date
    convert_tz: no
    description: "UTC date on which the quizzes ended."
    sql: ${TABLE}.day ;;
  }

  dimension: sessions {
    type: number
    description: "Quizzes of the exam that ended that day with an answer; others do not count."
    value_format_name: decimal_0
    sql: ${TABLE}.sessions ;;
  }

  dimension: served {
    type: number
    description: "Of these quizzes, those in which the item was served."
    value_format_name: decimal_0
    sql: ${TABLE}.served ;;
  }

  dimension: held_back {
    type: number
    description: "Quizzes of that day in which exposure control held the item back."
    value_format_name: decimal_0
    sql: ${TABLE}.held_back ;;
  }

  dimension: forced {
    type: number
    description: "Of those it was served in, quizzes in which everything else was held back."
    value_format_name: decimal_0
    sql: ${TABLE}.forced ;;
  }

  dimension: selected {
    type: number
    description: "Quizzes in which the rule selected the item, whether served or held back: a quiz counts once."
    value_format_name: decimal_0
    sql: ${TABLE}.selected ;;
  }

  dimension: exposure_rate {
    type: number
    description: "served ÷ sessions."
    value_format_name: percent_1
    sql: ${TABLE}.exposure_rate ;;
  }

  dimension: exposure_rate_lower {
    type: number
    description: "Lower end of the exposure rate's 95 % Wilson interval."
    value_format_name: percent_1
    sql: ${TABLE}.exposure_rate_lower ;;
  }

  dimension: exposure_rate_upper {
    type: number
    description: "Upper end of the exposure rate's 95 % Wilson interval."
    value_format_name: percent_1
    sql: ${TABLE}.exposure_rate_upper ;;
  }

  dimension: selection_rate {
    type: number
    description: "selected ÷ sessions: an estimate of P(S)."
    value_format_name: percent_1
    sql: ${TABLE}.selection_rate ;;
  }

  dimension: controlled_sessions {
    group_label: "Controlled sessions"
    type: number
    description: "Quizzes of that day that exposure control decided (adaptive, not vanilla, something answered): what re-estimation counts."
    value_format_name: decimal_0
    sql: ${TABLE}.controlled_sessions ;;
  }

  dimension: controlled_served {
    group_label: "Controlled sessions"
    type: number
    description: "Of the controlled quizzes, those in which the item was served."
    value_format_name: decimal_0
    sql: ${TABLE}.controlled_served ;;
  }

  dimension: controlled_held_back {
    group_label: "Controlled sessions"
    type: number
    description: "Of the controlled quizzes, those in which the item was held back."
    value_format_name: decimal_0
    sql: ${TABLE}.controlled_held_back ;;
  }

  measure: item_day_count {
    type: count
    description: "Number of items by day."
    hidden: yes
    value_format_name: decimal_0
    drill_fields: [detail*]
  }

  measure: item_count {
    label: "Questions selected"
    type: count_distinct
    description: "Number of questions that were selected."
    value_format_name: decimal_0
    drill_fields: [detail*]
    sql: ${question_id} ;;
  }

  measure: max_exposure_rate {
    label: "Max exposure rate"
    type: max
    description: "Highest exposure rate of an item on a day."
    value_format_name: percent_1
    sql: ${exposure_rate} ;;
  }

  measure: mean_exposure_rate {
    type: average
    description: "Mean exposure rate of the items that were selected."
    value_format_name: percent_1
    sql: ${exposure_rate} ;;
  }

  measure: max_selection_rate {
    label: "Max selection rate"
    type: max
    description: "Highest selection rate of an item on a day."
    value_format_name: percent_1
    sql: ${selection_rate} ;;
  }

  measure: total_served {
    label: "Served"
    type: sum
    description: "Items served."
    value_format_name: decimal_0
    drill_fields: [detail*]
    sql: ${served} ;;
  }

  measure: total_held_back {
    label: "Held back"
    type: sum
    description: "Items held back by exposure control."
    value_format_name: decimal_0
    drill_fields: [detail*]
    sql: ${held_back} ;;
  }

  measure: total_forced {
    label: "Forced"
    type: sum
    description: "Items given although held back."
    value_format_name: decimal_0
    drill_fields: [detail*]
    sql: ${forced} ;;
  }

  measure: held_back_share {
    type: number
    description: "Share of selections that were held back."
    value_format_name: percent_1
    sql: 1.0 * ${total_held_back} / nullif(${total_held_back} + ${total_served}, 0) ;;
  }

  set: detail {
    fields: [exposure_date, exam_code, question_id, version, dim_items.topic_path, served, held_back, sessions, exposure_rate]
  }
}

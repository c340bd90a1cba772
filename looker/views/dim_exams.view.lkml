# One row an exam.
view: dim_exams {
  label: "Exam"
  sql_table_name: @{schema}.dim_exams ;;

  dimension: pk1_exam_code {
    primary_key: yes
    hidden: yes
    type: string
    sql: ${TABLE}.exam_code ;;
  }

  dimension: tenant_id {
    type: string
    hidden: yes
    sql: ${TABLE}.tenant_id ;;
  }

  dimension: exam_code {
    label: "Exam code"
    type: string
    description: "Code of the exam."
    sql: ${TABLE}.exam_code ;;
  }

  dimension: title {
    label: "Exam title"
    type: string
    description: "Title of the exam."
    sql: ${TABLE}.title ;;
  }

  dimension: irt_model {
    label: "IRT model"
    type: string
    description: "1pl, 2pl or 3pl."
    sql: ${TABLE}.irt_model ;;
  }

  dimension: tau {
    type: number
    description: "The highest exposure rate that the exam allows an item."
    value_format_name: percent_1
    sql: ${TABLE}.tau ;;
  }

  dimension: test_length {
    type: number
    description: "Number of items of a test."
    value_format_name: decimal_0
    sql: ${TABLE}.test_length ;;
  }

  dimension: unanswered_policy {
    type: string
    description: "Whether a served but unanswered item counts as missing or wrong."
    sql: ${TABLE}.unanswered_policy ;;
  }

  dimension: published_items {
    type: number
    description: "Live items."
    value_format_name: decimal_0
    sql: ${TABLE}.published_items ;;
  }

  dimension: sessions_ended {
    type: number
    description: "Ended sessions."
    value_format_name: decimal_0
    sql: ${TABLE}.sessions_ended ;;
  }

  dimension: responses {
    type: number
    description: "Responses."
    value_format_name: decimal_0
    sql: ${TABLE}.responses ;;
  }

  dimension_group: first {
    type: time
    timeframes: [raw, date]
    datatype: date
    convert_tz: no
    description: "First day with activity (UTC)."
    sql: ${TABLE}.first_day ;;
  }

  dimension_group: last {
    type: time
    timeframes: [raw, date]
    datatype: date
    convert_tz: no
    description: "Last day with activity (UTC)."
    sql: ${TABLE}.last_day ;;
  }

  measure: exam_count {
    type: count
    description: "Number of exams."
    value_format_name: decimal_0
    drill_fields: [detail*]
  }

  set: detail {
    fields: [exam_code, title, irt_model, tau, published_items, responses]
  }
}

# One row per exam.
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
    description: "The exam. For what happened in a quiz it is the exam of the quiz, not of the question."
    sql: ${TABLE}.exam_code ;;
  }

  dimension: title {
    label: "Exam title"
    type: string
    description: "Name of the exam."
    sql: ${TABLE}.title ;;
  }

  dimension: irt_model {
    label: "IRT model"
    type: string
    description: "Response model: 1pl, 2pl or 3pl."
    sql: ${TABLE}.irt_model ;;
  }

  dimension: tau {
    type: number
    description: "The highest exposure rate that the exam allows an item, 0..1."
    value_format_name: percent_1
    sql: ${TABLE}.tau ;;
  }

  dimension: test_length {
    type: number
    description: "Items in one sitting."
    value_format_name: decimal_0
    sql: ${TABLE}.test_length ;;
  }

  dimension: unanswered_policy {
    type: string
    description: "missing or wrong: how a served but unanswered item counts in estimation, in exam mode."
    sql: ${TABLE}.unanswered_policy ;;
  }

  dimension: published_items {
    type: number
    description: "Items that are live in the exam."
    value_format_name: decimal_0
    sql: ${TABLE}.published_items ;;
  }

  dimension: sessions_ended {
    type: number
    description: "Quizzes of the exam that ended, so far."
    value_format_name: decimal_0
    sql: ${TABLE}.sessions_ended ;;
  }

  dimension: responses {
    type: number
    description: "Answers in the exam, so far."
    value_format_name: decimal_0
    sql: ${TABLE}.responses ;;
  }

  dimension_group: first {
    type: time
    timeframes: [raw, date]
    datatype: date
    convert_tz: no
    description: "First day with activity."
    sql: ${TABLE}.first_day ;;
  }

  dimension_group: last {
    type: time
    timeframes: [raw, date]
    datatype: date
    convert_tz: no
    description: "Last day with activity."
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

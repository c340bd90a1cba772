# One row per exam.
view: item_examinations {
  label: "Item examination"
  sql_table_name: @{schema}.item_examinations ;;

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
    label: "Exam"
    type: string
    description: "The exam. For what happened in a quiz it is the exam of the quiz, not of the question."
    sql: ${TABLE}.exam_code ;;
  }

  dimension: responses {
    type: number
    description: "First answers to items with parameters."
    value_format_name: decimal_0
    sql: ${TABLE}.responses ;;
  }

  dimension: persons {
    type: number
    description: "Students who gave them."
    value_format_name: decimal_0
    sql: ${TABLE}.persons ;;
  }

  dimension: attributes_compared {
    type: number
    description: "Attributes by which groups were compared."
    value_format_name: decimal_0
    sql: ${TABLE}.attributes_compared ;;
  }

  dimension: persons_judged {
    type: number
    description: "Students whose person fit could be judged."
    value_format_name: decimal_0
    sql: ${TABLE}.persons_judged ;;
  }

  dimension: persons_misfit {
    type: number
    description: "Of those, students whose answers are hardly those of one ability: l_z* below −2.33, as of 1 % by chance."
    value_format_name: decimal_0
    sql: ${TABLE}.persons_misfit ;;
  }

  dimension: misfit_share {
    type: number
    description: "persons_misfit ÷ persons_judged."
    value_format_name: percent_1
    sql: ${TABLE}.misfit_share ;;
  }

  dimension_group: examined {
    type: time
    description: "When fairness and fit of the exam's items were examined."
    timeframes: [raw, time, date]
    datatype: timestamp
    sql: ${TABLE}.examined_at ;;
  }

  measure: exam_count {
    type: count
    description: "Number of exams that were examined."
    value_format_name: decimal_0
    drill_fields: [exam_code, responses, persons]
  }
}

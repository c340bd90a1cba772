# One row per version of a question.
view: dim_items {
  label: "Item"
  sql_table_name: @{schema}.dim_items ;;

  dimension: pk2_question_id_version {
    primary_key: yes
    hidden: yes
    type: string
    sql: concat_ws('|', ${TABLE}.question_id, ${TABLE}.version) ;;
  }

  dimension: tenant_id {
    type: string
    hidden: yes
    sql: ${TABLE}.tenant_id ;;
  }

  dimension: question_id {
    type: number
    hidden: yes
    sql: ${TABLE}.question_id ;;
  }

  dimension: version {
    type: number
    hidden: yes
    sql: ${TABLE}.version ;;
  }

  dimension: external_ref {
    label: "Reference"
    type: string
    description: "The question's name in the system it came from."
    sql: ${TABLE}.external_ref ;;
  }

  dimension: topic_id {
    type: number
    hidden: yes
    sql: ${TABLE}.topic_id ;;
  }

  dimension: topic_path {
    label: "Topic path"
    type: string
    description: "Names of the topics from the root down, joined by /."
    sql: ${TABLE}.topic_path ;;
  }

  dimension: state {
    type: string
    description: "draft, review, approved, published or retired."
    sql: ${TABLE}.state ;;
  }

  dimension: difficulty_label {
    type: string
    description: "The author's judgement: easy, medium or hard; null if none was given."
    sql: ${TABLE}.difficulty_label ;;
  }

  dimension: bloom_level {
    type: number
    description: "Level of Bloom's taxonomy, 1..6."
    value_format_name: decimal_0
    sql: ${TABLE}.bloom_level ;;
  }

  dimension: stem_start {
    label: "Stem"
    type: string
    description: "The first 120 characters of the question."
    sql: ${TABLE}.stem_start ;;
  }

  dimension: correct_option {
    label: "Key"
    type: string
    description: "Label of the option that is marked as the key in this version. Scoring rules of an exam may say otherwise."
    sql: ${TABLE}.correct_option ;;
  }

  dimension: option_count {
    type: number
    description: "Options to choose from."
    value_format_name: decimal_0
    sql: ${TABLE}.option_count ;;
  }

  dimension: live_in_exams {
    label: "Live in"
    type: string
    description: "Exams in which this version is live."
    sql: array_to_string(${TABLE}.live_in_exams, ', ') ;;
  }

  dimension: is_deleted {
    type: yesno
    description: "The question is withdrawn from use."
    sql: ${TABLE}.is_deleted ;;
  }

  dimension: created_by {
    label: "Author"
    type: string
    description: "Who wrote the question."
    sql: ${TABLE}.created_by ;;
  }

  dimension_group: created {
    type: time
    timeframes: [raw, date, week, month]
    datatype: timestamp
    description: "When the version was written."
    sql: ${TABLE}.created_at ;;
  }

  measure: item_version_count {
    type: count
    description: "Number of versions of questions."
    value_format_name: decimal_0
    drill_fields: [detail*]
  }

  measure: question_count {
    type: count_distinct
    description: "Number of questions."
    value_format_name: decimal_0
    drill_fields: [detail*]
    sql: ${question_id} ;;
  }

  set: detail {
    fields: [external_ref, version, topic_path, state, difficulty_label, live_in_exams]
  }
}

# One row per exam, topic and difficulty; difficulty all is the whole topic.
view: blueprint_coverage {
  label: "Blueprint coverage"
  sql_table_name: @{schema}.blueprint_coverage ;;

  dimension: pk3_exam_code_topic_id_difficulty {
    primary_key: yes
    hidden: yes
    type: string
    sql: concat_ws('|', ${TABLE}.exam_code, ${TABLE}.topic_id, ${TABLE}.difficulty) ;;
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

  dimension: topic_id {
    type: number
    hidden: yes
    sql: ${TABLE}.topic_id ;;
  }

  dimension: difficulty {
    type: string
    description: "easy, medium, hard, unlabelled, or all."
    sql: ${TABLE}.difficulty ;;
  }

  dimension: is_whole_topic {
    type: yesno
    description: "Whether the row is for all difficulties together; the others are parts of it."
    sql: ${difficulty} = 'all' ;;
  }

  dimension: is_in_blueprint {
    type: yesno
    description: "The topic is in the exam's blueprint."
    sql: ${TABLE}.is_in_blueprint ;;
  }

  dimension: published_items {
    type: number
    description: "Live items of the topic and difficulty."
    value_format_name: decimal_0
    sql: ${TABLE}.published_items ;;
  }

  dimension: min_items {
    type: number
    description: "Fewest items of the topic in a test; only for all."
    value_format_name: decimal_0
    sql: ${TABLE}.min_items ;;
  }

  dimension: target_weight {
    type: number
    description: "The blueprint's weight of the topic; for one difficulty, times its share in the policy's difficulty_weights, null if there are none. 0 outside the blueprint, null in an exam without one."
    value_format_name: percent_1
    sql: ${TABLE}.target_weight ;;
  }

  dimension: published_share {
    type: number
    description: "published_items ÷ live items of the exam."
    value_format_name: percent_1
    sql: ${TABLE}.published_share ;;
  }

  dimension: share_gap {
    type: number
    description: "published_share − target_weight."
    value_format_name: percent_1
    sql: ${TABLE}.share_gap ;;
  }

  dimension: required_items {
    type: number
    description: "The larger of min_items and target_weight × live items of the exam, rounded up, where a bank smaller than one test counts as one test; null without either."
    value_format_name: decimal_0
    sql: ${TABLE}.required_items ;;
  }

  dimension: items_to_write {
    type: number
    description: "required_items − published_items, at least 0; null where nothing is required."
    value_format_name: decimal_0
    sql: ${TABLE}.items_to_write ;;
  }

  dimension: administered {
    type: number
    description: "Times served in ended quizzes."
    value_format_name: decimal_0
    sql: ${TABLE}.administered ;;
  }

  dimension: administered_share {
    type: number
    description: "Share of all served items of the exam."
    value_format_name: percent_1
    sql: ${TABLE}.administered_share ;;
  }

  dimension: administered_share_28d {
    label: "Administered share (28 days)"
    type: number
    description: "Share of all served items of the exam in the recent window."
    value_format_name: percent_1
    sql: ${TABLE}.administered_share_28d ;;
  }

  measure: cell_count {
    type: count
    description: "Number of topics by difficulty."
    hidden: yes
    value_format_name: decimal_0
    drill_fields: [detail*]
  }

  measure: topic_count {
    type: count
    description: "Number of topics."
    value_format_name: decimal_0
    filters: [is_whole_topic: "yes"]
    drill_fields: [detail*]
  }

  measure: short_topic_count {
    label: "Topics short of items"
    type: count
    description: "Number of topics with items still to write."
    value_format_name: decimal_0
    filters: [is_whole_topic: "yes", items_to_write: ">0"]
    drill_fields: [detail*]
  }

  measure: total_published_items {
    label: "Live items"
    type: sum
    description: "Live items, each counted once."
    value_format_name: decimal_0
    filters: [is_whole_topic: "yes"]
    sql: ${published_items} ;;
  }

  measure: total_required_items {
    label: "Items needed"
    type: sum
    description: "Items that the blueprint needs."
    value_format_name: decimal_0
    filters: [is_whole_topic: "yes"]
    sql: ${required_items} ;;
  }

  measure: total_items_to_write {
    label: "Items to write"
    type: sum
    description: "Items still to write."
    value_format_name: decimal_0
    filters: [is_whole_topic: "yes"]
    sql: ${items_to_write} ;;
  }

  measure: total_target_weight {
    label: "Target"
    type: sum
    description: "Share that the blueprint wants."
    value_format_name: percent_1
    filters: [is_whole_topic: "yes"]
    sql: ${target_weight} ;;
  }

  measure: total_published_share {
    label: "Live"
    type: sum
    description: "Share of the live items."
    value_format_name: percent_1
    filters: [is_whole_topic: "yes"]
    sql: ${published_share} ;;
  }

  measure: total_administered_share_28d {
    label: "Served (28 days)"
    type: sum
    description: "Share of what was served in the last 28 days."
    value_format_name: percent_1
    filters: [is_whole_topic: "yes"]
    sql: ${administered_share_28d} ;;
  }

  measure: cell_items_to_write {
    label: "Items to write, by difficulty"
    type: sum
    description: "Items still to write, by difficulty; only where the exam has a mix of difficulties."
    value_format_name: decimal_0
    filters: [is_whole_topic: "no"]
    sql: ${items_to_write} ;;
  }

  measure: cell_published_items {
    label: "Live items, by difficulty"
    type: sum
    description: "Live items, by difficulty."
    value_format_name: decimal_0
    filters: [is_whole_topic: "no"]
    sql: ${published_items} ;;
  }

  set: detail {
    fields: [exam_code, dim_topics.topic_path, difficulty, published_items, required_items, items_to_write, target_weight, published_share]
  }
}

# One row a topic.
view: dim_topics {
  label: "Topic"
  sql_table_name: @{schema}.dim_topics ;;

  dimension: pk1_topic_id {
    primary_key: yes
    hidden: yes
    type: string
    sql: ${TABLE}.topic_id ;;
  }

  dimension: tenant_id {
    type: string
    hidden: yes
    sql: ${TABLE}.tenant_id ;;
  }

  dimension: parent_topic_id {
    type: number
    hidden: yes
    sql: ${TABLE}.parent_topic_id ;;
  }

  dimension: topic_name {
    label: "Topic"
    type: string
    description: "Name of the topic."
    sql: ${TABLE}.topic_name ;;
  }

  dimension: blueprint_code {
    type: string
    description: "Code of the topic in blueprints."
    sql: ${TABLE}.blueprint_code ;;
  }

  dimension: topic_path {
    type: string
    description: "Names from the root down."
    sql: ${TABLE}.topic_path ;;
  }

  dimension: root_topic_id {
    type: number
    hidden: yes
    sql: ${TABLE}.root_topic_id ;;
  }

  dimension: depth {
    type: number
    description: "Level in the tree; a root is 0."
    value_format_name: decimal_0
    sql: ${TABLE}.depth ;;
  }

  dimension: is_leaf {
    type: yesno
    description: "Whether no topic lies below it."
    sql: ${TABLE}.is_leaf ;;
  }

  measure: topic_count {
    type: count
    description: "Number of topics."
    value_format_name: decimal_0
    drill_fields: [detail*]
  }

  set: detail {
    fields: [topic_path, blueprint_code, depth]
  }
}

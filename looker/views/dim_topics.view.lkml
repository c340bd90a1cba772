# One row per topic.
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
    description: "Name, unique among the topics of one parent."
    sql: ${TABLE}.topic_name ;;
  }

  dimension: blueprint_code {
    type: string
    description: "The code of the exam's blueprint document."
    sql: ${TABLE}.blueprint_code ;;
  }

  dimension: topic_path {
    type: string
    description: "Names from the root down, joined by /."
    sql: ${TABLE}.topic_path ;;
  }

  dimension: root_topic_id {
    type: number
    hidden: yes
    sql: ${TABLE}.root_topic_id ;;
  }

  dimension: depth {
    type: number
    description: "Levels below the root, 0 for a root."
    value_format_name: decimal_0
    sql: ${TABLE}.depth ;;
  }

  dimension: is_leaf {
    type: yesno
    description: "No topic is below it."
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

# One row per student, topic and exam; topics include what lies below them.
view: topic_mastery {
  label: "Topic mastery"
  sql_table_name: @{schema}.topic_mastery ;;

  dimension: pk3_exam_code_topic_id_user_id {
    primary_key: yes
    hidden: yes
    type: string
    sql: concat_ws('|', ${TABLE}.exam_code, ${TABLE}.topic_id, ${TABLE}.user_id) ;;
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

  dimension: user_id {
    label: "Student"
    type: string
    description: "The student, as the tenant names them."
    sql: ${TABLE}.user_id ;;
  }

  dimension: attempts {
    type: number
    description: "Answers in the topic and below."
    value_format_name: decimal_0
    sql: ${TABLE}.attempts ;;
  }

  dimension: correct {
    type: number
    description: "Correct answers in the topic and below."
    value_format_name: decimal_0
    sql: ${TABLE}.correct ;;
  }

  dimension: accuracy {
    type: number
    description: "correct ÷ attempts."
    value_format_name: percent_1
    sql: ${TABLE}.accuracy ;;
  }

  dimension: mastery {
    type: number
    description: "(correct + w·m) ÷ (attempts + w): m is the mastery of the topic above, for a root that of the student's whole exam, which leans on ½; w is mastery_prior_weight."
    value_format_name: percent_1
    sql: ${TABLE}.mastery ;;
  }

  dimension: mastery_se {
    label: "Mastery SE"
    type: number
    description: "√(mastery(1 − mastery) ÷ (attempts + w + 1)), the posterior's standard deviation."
    value_format: "0.000"
    sql: ${TABLE}.mastery_se ;;
  }

  dimension: mastery_lower {
    type: number
    description: "mastery − 1.96·mastery_se, at least 0."
    value_format_name: percent_1
    sql: ${TABLE}.mastery_lower ;;
  }

  dimension: mastery_upper {
    type: number
    description: "mastery + 1.96·mastery_se, at most 1."
    value_format_name: percent_1
    sql: ${TABLE}.mastery_upper ;;
  }

  dimension: mean_time_ms {
    type: number
    hidden: yes
    sql: ${TABLE}.mean_time_ms ;;
  }

  dimension: mean_time_s {
    label: "Mean time (s)"
    type: number
    description: "Mean time on an item of the topic, in seconds."
    value_format_name: decimal_1
    sql: ${mean_time_ms} / 1000.0 ;;
  }

  dimension_group: last_seen {
    type: time
    timeframes: [raw, time, date, week, month]
    datatype: timestamp
    description: "When the student answered an item of the topic last."
    sql: ${TABLE}.last_seen_at ;;
  }

  measure: learner_topic_count {
    type: count
    description: "Number of student and topic pairs."
    value_format_name: decimal_0
    drill_fields: [detail*]
  }

  measure: user_count {
    label: "Students"
    type: count_distinct
    description: "Number of students."
    value_format_name: decimal_0
    drill_fields: [detail*]
    sql: ${user_id} ;;
  }

  measure: mean_mastery {
    type: average
    description: "Mean mastery of students, each counted once."
    value_format_name: percent_1
    sql: ${mastery} ;;
  }

  measure: mastery_p25 {
    label: "Mastery, lower quartile"
    type: percentile
    description: "Mastery that a quarter of the students do not reach."
    percentile: 25
    value_format_name: percent_1
    sql: ${mastery} ;;
  }

  measure: mastery_p75 {
    label: "Mastery, upper quartile"
    type: percentile
    description: "Mastery that a quarter of the students exceed."
    percentile: 75
    value_format_name: percent_1
    sql: ${mastery} ;;
  }

  measure: total_attempts {
    label: "Answers"
    type: sum
    description: "Answers; do not add up topics of different depth, since a topic includes those below it."
    value_format_name: decimal_0
    drill_fields: [detail*]
    sql: ${attempts} ;;
  }

  measure: total_correct {
    type: sum
    description: "Correct answers."
    hidden: yes
    sql: ${correct} ;;
  }

  measure: pooled_accuracy {
    label: "Accuracy"
    type: number
    description: "Share of all answers that are correct."
    value_format_name: percent_1
    sql: 1.0 * ${total_correct} / nullif(${total_attempts}, 0) ;;
  }

  measure: mean_topic_time_s {
    label: "Mean time on item (s)"
    type: average
    description: "Mean over students of the time on an item, in seconds."
    value_format_name: decimal_1
    sql: ${mean_time_s} ;;
  }

  set: detail {
    fields: [user_id, exam_code, dim_topics.topic_path, attempts, accuracy, mastery, mastery_lower, mastery_upper, last_seen_time]
  }
}

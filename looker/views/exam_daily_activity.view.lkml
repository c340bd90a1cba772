# One row per exam and day.
view: exam_daily_activity {
  label: "Daily activity"
  sql_table_name: @{schema}.exam_daily_activity ;;

  dimension: pk2_exam_code_day {
    primary_key: yes
    hidden: yes
    type: string
    sql: concat_ws('|', ${TABLE}.exam_code, ${TABLE}.day) ;;
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

  dimension_group: activity {
    type: time
    timeframes: [raw, date, week, month]
    datatype: date
    convert_tz: no
    description: "The day, a UTC date."
    sql: ${TABLE}.day ;;
  }

  dimension: sessions_started {
    type: number
    description: "Quizzes started that day."
    hidden: yes
    sql: ${TABLE}.sessions_started ;;
  }

  dimension: sessions_ended {
    type: number
    description: "Quizzes that ended that day: sessions_finished + sessions_expired."
    hidden: yes
    sql: ${TABLE}.sessions_ended ;;
  }

  dimension: sessions_finished {
    type: number
    description: "Quizzes that were finished that day."
    hidden: yes
    sql: ${TABLE}.sessions_finished ;;
  }

  dimension: sessions_expired {
    type: number
    description: "Quizzes that expired that day."
    hidden: yes
    sql: ${TABLE}.sessions_expired ;;
  }

  dimension: sessions_served {
    type: number
    description: "Sessions that ended that day with an answer, which exposure rates count."
    hidden: yes
    sql: ${TABLE}.sessions_served ;;
  }

  dimension: sessions_controlled {
    type: number
    description: "Quizzes that ended that day and that exposure control decided (adaptive, not vanilla, something answered)."
    hidden: yes
    sql: ${TABLE}.sessions_controlled ;;
  }

  dimension: active_users {
    type: number
    description: "Students who started one; does not add up over days."
    hidden: yes
    sql: ${TABLE}.active_users ;;
  }

  dimension: served {
    type: number
    description: "Items served in quizzes started that day, without those that were tried out."
    hidden: yes
    sql: ${TABLE}.served ;;
  }

  dimension: responses {
    type: number
    description: "Answers in quizzes started that day, without those to items that were tried out."
    hidden: yes
    sql: ${TABLE}.responses ;;
  }

  dimension: correct {
    type: number
    description: "Correct ones among these answers."
    hidden: yes
    sql: ${TABLE}.correct ;;
  }

  measure: total_sessions_started {
    label: "Sessions started"
    type: sum
    description: "Sessions that began."
    value_format_name: decimal_0
    drill_fields: [detail*]
    sql: ${sessions_started} ;;
  }

  measure: total_sessions_ended {
    label: "Sessions ended"
    type: sum
    description: "Sessions that were finished or expired."
    value_format_name: decimal_0
    drill_fields: [detail*]
    sql: ${sessions_ended} ;;
  }

  measure: total_sessions_finished {
    label: "Sessions finished"
    type: sum
    description: "Sessions that were finished."
    value_format_name: decimal_0
    drill_fields: [detail*]
    sql: ${sessions_finished} ;;
  }

  measure: total_sessions_controlled {
    label: "Sessions controlled"
    type: sum
    description: "Ended sessions that exposure control decided."
    value_format_name: decimal_0
    drill_fields: [detail*]
    sql: ${sessions_controlled} ;;
  }

  measure: total_served {
    label: "Items served"
    type: sum
    description: "Items served."
    value_format_name: decimal_0
    drill_fields: [detail*]
    sql: ${served} ;;
  }

  measure: total_responses {
    label: "Responses"
    type: sum
    description: "Answers given."
    value_format_name: decimal_0
    drill_fields: [detail*]
    sql: ${responses} ;;
  }

  measure: total_correct {
    type: sum
    description: "Correct answers."
    hidden: yes
    sql: ${correct} ;;
  }

  measure: accuracy {
    type: number
    description: "Share of answers that are correct."
    value_format_name: percent_1
    sql: 1.0 * ${total_correct} / nullif(${total_responses}, 0) ;;
  }

  measure: mean_daily_active_users {
    label: "Active students a day"
    type: average
    description: "Mean number of active students a day and exam; days cannot be added up, since students return."
    value_format_name: decimal_1
    sql: ${active_users} ;;
  }

  measure: completion_rate {
    type: number
    description: "Share of ended sessions that were finished."
    value_format_name: percent_1
    sql: 1.0 * ${total_sessions_finished} / nullif(${total_sessions_ended}, 0) ;;
  }

  set: detail {
    fields: [exam_code, activity_date, total_sessions_started, total_responses, accuracy]
  }
}

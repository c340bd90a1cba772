# One row per student and exam: the last estimate.
view: user_ability {
  label: "Ability"
  sql_table_name: @{schema}.user_ability ;;

  dimension: pk2_exam_code_user_id {
    primary_key: yes
    hidden: yes
    type: string
    sql: concat_ws('|', ${TABLE}.exam_code, ${TABLE}.user_id) ;;
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

  dimension: user_id {
    label: "Student"
    type: string
    description: "The student, as the tenant names them."
    sql: ${TABLE}.user_id ;;
  }

  dimension: theta {
    type: number
    description: "Ability estimate (EAP), in logits of the exam's scale."
    value_format_name: decimal_2
    sql: ${TABLE}.theta ;;
  }

  dimension: theta_se {
    label: "Theta SE"
    type: number
    description: "Posterior standard deviation of theta."
    value_format_name: decimal_2
    sql: ${TABLE}.theta_se ;;
  }

  dimension: theta_lower {
    type: number
    description: "theta − 1.96·theta_se, the lower end of its 95 % interval."
    value_format_name: decimal_2
    sql: ${TABLE}.theta_lower ;;
  }

  dimension: theta_upper {
    type: number
    description: "theta + 1.96·theta_se, the upper end of its 95 % interval."
    value_format_name: decimal_2
    sql: ${TABLE}.theta_upper ;;
  }

  dimension: theta_bucket {
    type: number
    description: "Ability in steps of half a logit."
    value_format_name: decimal_1
    sql: floor(${theta} * 2) / 2 ;;
  }

  dimension: quiz_id {
    type: string
    description: "The quiz it comes from."
    sql: ${TABLE}.quiz_id ;;
  }

  dimension: responses {
    type: number
    description: "Answers in that quiz."
    value_format_name: decimal_0
    sql: ${TABLE}.responses ;;
  }

  dimension: sessions_scored {
    type: number
    description: "Ended quizzes of the student in which ability was estimated."
    value_format_name: decimal_0
    sql: ${TABLE}.sessions_scored ;;
  }

  dimension_group: estimated {
    type: time
    timeframes: [raw, time, date, week, month]
    datatype: timestamp
    description: "When that quiz ended."
    sql: ${TABLE}.estimated_at ;;
  }

  measure: estimate_count {
    type: count
    description: "Number of students with an estimate, by exam."
    value_format_name: decimal_0
    drill_fields: [detail*]
  }

  measure: user_count {
    label: "Students"
    type: count_distinct
    description: "Number of students with an estimate."
    value_format_name: decimal_0
    drill_fields: [detail*]
    sql: ${user_id} ;;
  }

  measure: mean_theta {
    type: average
    description: "Mean ability, in logits."
    value_format_name: decimal_2
    sql: ${theta} ;;
  }

  measure: mean_theta_se {
    label: "Mean theta SE"
    type: average
    description: "Mean standard error of ability, in logits."
    value_format_name: decimal_2
    sql: ${theta_se} ;;
  }

  set: detail {
    fields: [user_id, exam_code, theta, theta_se, responses, sessions_scored, estimated_time]
  }
}

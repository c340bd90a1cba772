# One row per exam and item.
view: item_fit {
  label: "Item fit"
  sql_table_name: @{schema}.item_fit ;;

  dimension: pk3_exam_code_question_id_version {
    primary_key: yes
    hidden: yes
    type: string
    sql: concat_ws('|', ${TABLE}.exam_code, ${TABLE}.question_id, ${TABLE}.version) ;;
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

  dimension: question_id {
    type: number
    description: "The question, whatever its version."
    value_format_name: decimal_0
    sql: ${TABLE}.question_id ;;
  }

  dimension: version {
    type: number
    description: "The question's version: the one that was served, for what happened in a quiz."
    value_format_name: decimal_0
    sql: ${TABLE}.version ;;
  }

  dimension: n {
    label: "Answers"
    type: number
    description: "First answers."
    value_format_name: decimal_0
    sql: ${TABLE}.n ;;
  }

  dimension: infit {
    type: number
    description: "Mean square of residuals, weighted by information; below 1 where answers are more regular than expected, and for all items of short tests."
    value_format_name: decimal_3
    sql: ${TABLE}.infit ;;
  }

  dimension: outfit {
    type: number
    description: "Mean square of standardised residuals; sensitive to surprising answers of persons far from the difficulty."
    value_format_name: decimal_3
    sql: ${TABLE}.outfit ;;
  }

  dimension: rmsd {
    label: "RMSD"
    type: number
    description: "Root mean squared distance of the observed curve from the model's, over the abilities of who answered. Above 0.1 is poor."
    value_format_name: decimal_3
    sql: ${TABLE}.rmsd ;;
  }

  dimension: shape_p {
    type: number
    description: "P value of a curve that bends otherwise than the model's; null where too few answered."
    value_format_name: decimal_3
    sql: ${TABLE}.shape_p ;;
  }

  dimension: shape_q {
    type: number
    description: "Its false discovery rate (Benjamini and Hochberg) over the bank; null where too few answered."
    value_format_name: decimal_3
    sql: ${TABLE}.shape_q ;;
  }

  dimension: s_x2 {
    label: "S-X²"
    type: number
    description: "S-X² (Orlando and Thissen); null unless all items of the exam were answered by enough persons."
    value_format_name: decimal_3
    sql: ${TABLE}.s_x2 ;;
  }

  dimension: s_x2_df {
    label: "S-X² df"
    type: number
    description: "Degrees of freedom of S-X²."
    value_format_name: decimal_0
    sql: ${TABLE}.s_x2_df ;;
  }

  dimension: s_x2_p {
    label: "S-X² p"
    type: number
    description: "P value of S-X²."
    value_format_name: decimal_3
    sql: ${TABLE}.s_x2_p ;;
  }

  dimension: dependent_question_id {
    type: number
    description: "Question whose answers go together with this one's beyond ability; null where there is none."
    value_format_name: decimal_0
    sql: ${TABLE}.dependent_question_id ;;
  }

  dimension: dependent_version {
    type: number
    description: "Version of that question."
    value_format_name: decimal_0
    sql: ${TABLE}.dependent_version ;;
  }

  dimension: q3 {
    label: "Q3"
    type: number
    description: "Q3 (Yen): correlation of the residuals of the two."
    value_format_name: decimal_3
    sql: ${TABLE}.q3 ;;
  }

  dimension: is_poor {
    type: yesno
    description: "The answers do not follow the curve: rmsd is above 0.1 and shape_q below 0.05."
    sql: ${TABLE}.is_poor ;;
  }

  dimension: change_q {
    type: number
    description: "False discovery rate, over the bank, of a moment from which on the item is easier and answered faster than before; null where too few answered before or after."
    value_format_name: decimal_3
    sql: ${TABLE}.change_q ;;
  }

  dimension: is_compromised {
    label: "Compromised"
    type: yesno
    description: "Taken for leaked: change_q is below 0.01."
    sql: ${TABLE}.is_compromised ;;
  }

  dimension_group: compromised_since {
    type: time
    description: "When the first answer after the likeliest such moment was given; null unless compromised."
    timeframes: [raw, time, date]
    datatype: timestamp
    sql: ${TABLE}.compromised_since ;;
  }

  dimension: n_since {
    label: "Answers since"
    type: number
    description: "Answers since then; null unless compromised."
    value_format_name: decimal_0
    sql: ${TABLE}.n_since ;;
  }

  dimension: shift_since {
    type: number
    description: "Log odds of a right answer since then less before; null unless compromised."
    value_format_name: decimal_3
    sql: ${TABLE}.shift_since ;;
  }

  dimension: slowness_since {
    type: number
    description: "Mean log time since then less before, beside the persons' own speeds, in standard deviations of the item; null unless compromised, and where times are unknown."
    value_format_name: decimal_3
    sql: ${TABLE}.slowness_since ;;
  }

  dimension_group: examined {
    type: time
    description: "When fairness and fit of the exam's items were examined."
    timeframes: [raw, time, date]
    datatype: timestamp
    sql: ${TABLE}.examined_at ;;
  }

  measure: item_count {
    type: count
    description: "Number of items whose fit was examined."
    value_format_name: decimal_0
    drill_fields: [exam_code, question_id, version, rmsd, infit, outfit]
  }

  measure: poor_count {
    type: count
    description: "Items whose answers do not follow their curve."
    value_format_name: decimal_0
    filters: [is_poor: "yes"]
    drill_fields: [exam_code, question_id, version, rmsd, infit, outfit]
  }

  measure: compromised_count {
    type: count
    description: "Items that are taken for leaked, easier and faster from some moment on."
    value_format_name: decimal_0
    filters: [is_compromised: "yes"]
    drill_fields: [exam_code, question_id, version, compromised_since_date, n_since, shift_since]
  }
}

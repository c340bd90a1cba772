# One row per exam, item, attribute and focal group.
view: item_fairness {
  label: "Item fairness"
  sql_table_name: @{schema}.item_fairness ;;

  dimension: pk5_exam_code_question_id_version_attribute_focal {
    primary_key: yes
    hidden: yes
    type: string
    sql: concat_ws('|', ${TABLE}.exam_code, ${TABLE}.question_id, ${TABLE}.version, ${TABLE}.attribute, ${TABLE}.focal) ;;
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

  dimension: attribute {
    type: string
    description: "What people differ by: the name of an attribute of theirs, as imports gave it."
    sql: ${TABLE}.attribute ;;
  }

  dimension: focal {
    label: "Focal group"
    type: string
    description: "The group that is looked at: its value of the attribute."
    sql: ${TABLE}.focal ;;
  }

  dimension: reference {
    label: "Reference group"
    type: string
    description: "The group that it is compared with, the largest one: its value of the attribute."
    sql: ${TABLE}.reference ;;
  }

  dimension: n_focal {
    type: number
    description: "First answers of the focal group to the item."
    value_format_name: decimal_0
    sql: ${TABLE}.n_focal ;;
  }

  dimension: n_reference {
    type: number
    description: "First answers of the reference group to the item."
    value_format_name: decimal_0
    sql: ${TABLE}.n_reference ;;
  }

  dimension: delta {
    label: "Delta (ETS)"
    type: number
    description: "Difference of the log odds of a right answer at equal ability, focal minus reference, times 2.35: the delta scale of ETS. Negative is harder for the focal group."
    value_format_name: decimal_3
    sql: ${TABLE}.delta ;;
  }

  dimension: delta_lower {
    type: number
    description: "Lower end of the 95 % normal interval of delta."
    value_format_name: decimal_3
    sql: ${TABLE}.delta_lower ;;
  }

  dimension: delta_upper {
    type: number
    description: "Upper end of the 95 % normal interval of delta."
    value_format_name: decimal_3
    sql: ${TABLE}.delta_upper ;;
  }

  dimension: ets_class {
    label: "ETS class"
    type: string
    description: "Class of Educational Testing Service: A negligible, B moderate, C large (at least 1.5, and significantly above 1)."
    sql: ${TABLE}.ets_class ;;
  }

  dimension: favoured {
    label: "Favoured group"
    type: string
    description: "The group that the item is easier for at equal ability: its value of the attribute."
    sql: ${TABLE}.favoured ;;
  }

  dimension: uniform_p {
    type: number
    description: "P value of no difference that is the same at every ability."
    value_format_name: decimal_3
    sql: ${TABLE}.uniform_p ;;
  }

  dimension: nonuniform_p {
    type: number
    description: "P value of no difference that changes with ability."
    value_format_name: decimal_3
    sql: ${TABLE}.nonuniform_p ;;
  }

  dimension: q_value {
    type: number
    description: "False discovery rate (Benjamini and Hochberg) over the bank at which the item shows a difference of either kind."
    value_format_name: decimal_3
    sql: ${TABLE}.q_value ;;
  }

  dimension: power {
    type: number
    description: "Probability of finding a difference of class C (1.5) with a 5 % test: low where few answered."
    value_format_name: decimal_3
    sql: ${TABLE}.power ;;
  }

  dimension_group: examined {
    type: time
    description: "When fairness and fit of the exam's items were examined."
    timeframes: [raw, time, date]
    datatype: timestamp
    sql: ${TABLE}.examined_at ;;
  }

  measure: comparison_count {
    type: count
    description: "Number of comparisons of an item between two groups."
    value_format_name: decimal_0
    drill_fields: [exam_code, question_id, version, attribute, focal, delta, ets_class]
  }

  measure: large_dif_count {
    type: count
    description: "Comparisons in which the item is of class C."
    value_format_name: decimal_0
    filters: [ets_class: "C"]
    drill_fields: [exam_code, question_id, version, attribute, focal, delta, ets_class]
  }
}

# One row an exam, question and version.
view: item_health {
  label: "Item health"
  sql_table_name: @{schema}.item_health ;;

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
    description: "The exam that the row is about."
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
    description: "Version of the question that was served."
    value_format_name: decimal_0
    sql: ${TABLE}.version ;;
  }

  dimension: topic_id {
    type: number
    hidden: yes
    sql: ${TABLE}.topic_id ;;
  }

  dimension: difficulty_label {
    type: string
    description: "The author's guess: easy, medium or hard."
    sql: ${TABLE}.difficulty_label ;;
  }

  dimension: is_live {
    type: yesno
    description: "Whether this version is published in the exam."
    sql: ${TABLE}.is_live ;;
  }

  dimension: attempts {
    group_label: "Classical"
    type: number
    description: "Responses to this version in the exam."
    value_format_name: decimal_0
    sql: ${TABLE}.attempts ;;
  }

  dimension: first_attempts {
    group_label: "Classical"
    type: number
    description: "First attempts among the responses."
    value_format_name: decimal_0
    sql: ${TABLE}.first_attempts ;;
  }

  dimension: p_value {
    label: "p-value"
    group_label: "Classical"
    type: number
    description: "Share of first attempts that are correct."
    value_format_name: percent_1
    sql: ${TABLE}.p_value ;;
  }

  dimension: r_point_biserial {
    label: "Point-biserial"
    group_label: "Classical"
    type: number
    description: "Correlation of the item with the rest of the quiz."
    value_format_name: decimal_2
    sql: ${TABLE}.r_point_biserial ;;
  }

  dimension: median_time_ms {
    type: number
    hidden: yes
    sql: ${TABLE}.median_time_ms ;;
  }

  dimension: p90_time_ms {
    type: number
    hidden: yes
    sql: ${TABLE}.p90_time_ms ;;
  }

  dimension: median_time_s {
    label: "Median time (s)"
    group_label: "Time"
    type: number
    description: "Median time on the item, in seconds."
    value_format_name: decimal_1
    sql: ${median_time_ms} / 1000.0 ;;
  }

  dimension: p90_time_s {
    label: "90th percentile time (s)"
    group_label: "Time"
    type: number
    description: "90th percentile of the time on the item, in seconds."
    value_format_name: decimal_1
    sql: ${p90_time_ms} / 1000.0 ;;
  }

  dimension: dead_distractors {
    label: "Dead distractors"
    group_label: "Classical"
    type: string
    description: "Wrong options that hardly anyone chooses."
    sql: array_to_string(${TABLE}.dead_distractors, ', ') ;;
  }

  dimension: served {
    group_label: "Exposure"
    type: number
    description: "How often the item was served in ended sessions."
    value_format_name: decimal_0
    sql: ${TABLE}.served ;;
  }

  dimension: held_back {
    group_label: "Exposure"
    type: number
    description: "How often exposure control held the item back."
    value_format_name: decimal_0
    sql: ${TABLE}.held_back ;;
  }

  dimension: sessions {
    group_label: "Exposure"
    type: number
    description: "Ended sessions of the exam."
    value_format_name: decimal_0
    sql: ${TABLE}.sessions ;;
  }

  dimension: exposure_rate {
    group_label: "Exposure"
    type: number
    description: "Served by ended sessions of the exam, over all time."
    value_format_name: percent_1
    sql: ${TABLE}.exposure_rate ;;
  }

  dimension: exposure_rate_lower {
    group_label: "Exposure"
    type: number
    description: "Lower end of the 95 % Wilson interval of the exposure rate."
    value_format_name: percent_1
    sql: ${TABLE}.exposure_rate_lower ;;
  }

  dimension: exposure_rate_upper {
    group_label: "Exposure"
    type: number
    description: "Upper end of the 95 % Wilson interval of the exposure rate."
    value_format_name: percent_1
    sql: ${TABLE}.exposure_rate_upper ;;
  }

  dimension: served_28d {
    type: number
    hidden: yes
    sql: ${TABLE}.served_28d ;;
  }

  dimension: sessions_28d {
    type: number
    hidden: yes
    sql: ${TABLE}.sessions_28d ;;
  }

  dimension: exposure_rate_28d {
    label: "Exposure rate (28 days)"
    group_label: "Exposure"
    type: number
    description: "Served by ended sessions of the exam, over the last 28 days."
    value_format_name: percent_1
    sql: ${TABLE}.exposure_rate_28d ;;
  }

  dimension: exposure_rate_28d_lower {
    label: "Exposure rate (28 days) lower"
    group_label: "Exposure"
    type: number
    description: "Lower end of its 95 % Wilson interval."
    value_format_name: percent_1
    sql: ${TABLE}.exposure_rate_28d_lower ;;
  }

  dimension: exposure_rate_28d_upper {
    label: "Exposure rate (28 days) upper"
    group_label: "Exposure"
    type: number
    description: "Upper end of its 95 % Wilson interval."
    value_format_name: percent_1
    sql: ${TABLE}.exposure_rate_28d_upper ;;
  }

  dimension_group: last_served {
    type: time
    timeframes: [raw, date]
    datatype: date
    convert_tz: no
    description: "Day on which the item was served last (UTC)."
    sql: ${TABLE}.last_served_on ;;
  }

  dimension: tau {
    group_label: "Exposure"
    type: number
    description: "The highest exposure rate that the exam allows an item."
    value_format_name: percent_1
    sql: ${TABLE}.tau ;;
  }

  dimension: sh_p {
    label: "sh_p"
    group_label: "Exposure"
    type: number
    description: "Exposure-control parameter in force, 0 to 1."
    value_format: "0.000"
    sql: ${TABLE}.sh_p ;;
  }

  dimension: is_pinned {
    group_label: "Exposure"
    type: yesno
    description: "Whether sh_p is set by hand and kept."
    sql: ${TABLE}.is_pinned ;;
  }

  dimension: irt_model {
    label: "IRT model"
    group_label: "IRT"
    type: string
    description: "The IRT model of the exam."
    sql: ${TABLE}.irt_model ;;
  }

  dimension: a {
    group_label: "IRT"
    type: number
    description: "Discrimination, on the metric with D = 1.7."
    value_format_name: decimal_2
    sql: ${TABLE}.a ;;
  }

  dimension: b {
    group_label: "IRT"
    type: number
    description: "Difficulty, in logits."
    value_format_name: decimal_2
    sql: ${TABLE}.b ;;
  }

  dimension: c {
    group_label: "IRT"
    type: number
    description: "Lower asymptote (guessing), 0 to 1."
    value_format_name: decimal_2
    sql: ${TABLE}.c ;;
  }

  dimension: se_a {
    group_label: "IRT"
    type: number
    description: "Standard error of a."
    value_format: "0.000"
    sql: ${TABLE}.se_a ;;
  }

  dimension: se_b {
    group_label: "IRT"
    type: number
    description: "Standard error of b, in logits."
    value_format: "0.000"
    sql: ${TABLE}.se_b ;;
  }

  dimension: se_c {
    group_label: "IRT"
    type: number
    description: "Standard error of c."
    value_format: "0.000"
    sql: ${TABLE}.se_c ;;
  }

  dimension: n_respondents {
    group_label: "IRT"
    type: number
    description: "Respondents that a, b and c were estimated from."
    value_format_name: decimal_0
    sql: ${TABLE}.n_respondents ;;
  }

  dimension_group: fitted {
    type: time
    timeframes: [raw, time, date]
    datatype: timestamp
    description: "When a, b and c were estimated (UTC)."
    sql: ${TABLE}.fitted_at ;;
  }

  dimension: p_value_shift {
    label: "p-value shift"
    group_label: "Classical"
    type: number
    description: "Recent minus earlier share of right answers."
    value_format_name: percent_1
    sql: ${TABLE}.p_value_shift ;;
  }

  dimension: p_value_shift_z {
    label: "p-value shift (z)"
    group_label: "Classical"
    type: number
    description: "The shift in standard errors."
    value_format_name: decimal_2
    sql: ${TABLE}.p_value_shift_z ;;
  }

  dimension: is_low_discrimination {
    label: "Low discrimination"
    group_label: "Flags"
    type: yesno
    description: "Discrimination a (or the point-biserial, where there is no a) is below its threshold."
    sql: ${TABLE}.is_low_discrimination ;;
  }

  dimension: is_too_easy {
    label: "Too easy"
    group_label: "Flags"
    type: yesno
    description: "Nearly everyone is right."
    sql: ${TABLE}.is_too_easy ;;
  }

  dimension: is_too_hard {
    label: "Too hard"
    group_label: "Flags"
    type: yesno
    description: "Few are right."
    sql: ${TABLE}.is_too_hard ;;
  }

  dimension: is_over_exposed {
    label: "Over-exposed"
    group_label: "Flags"
    type: yesno
    description: "The lower end of the 28-day exposure rate is above tau."
    sql: ${TABLE}.is_over_exposed ;;
  }

  dimension: is_unused {
    label: "Unused"
    group_label: "Flags"
    type: yesno
    description: "Live, but not served in the last 28 days."
    sql: ${TABLE}.is_unused ;;
  }

  dimension: is_drifted {
    label: "Drifted"
    group_label: "Flags"
    type: yesno
    description: "The share of right answers has shifted against earlier answers."
    sql: ${TABLE}.is_drifted ;;
  }

  dimension: has_dead_distractor {
    label: "Dead distractor"
    group_label: "Flags"
    type: yesno
    description: "A wrong option that hardly anyone chooses."
    sql: ${TABLE}.has_dead_distractor ;;
  }

  dimension: flag_count {
    group_label: "Flags"
    type: number
    description: "How many flags the item bears."
    value_format_name: decimal_0
    sql: ${TABLE}.flag_count ;;
  }

  dimension: is_flagged {
    group_label: "Flags"
    type: yesno
    description: "Whether the item bears any flag."
    sql: ${flag_count} > 0 ;;
  }

  dimension: exposure_bucket {
    group_label: "Exposure"
    type: string
    description: "Exposure rate of the last 28 days against tau, in steps."
    sql: case when ${exposure_rate_28d} is null then 'no sessions' when ${exposure_rate_28d} = 0 then '0 unused' when ${exposure_rate_28d} <= 0.5 * ${tau} then '1 up to half of tau' when ${exposure_rate_28d} <= ${tau} then '2 up to tau' else '3 above tau' end ;;
  }

  measure: item_count {
    type: count
    description: "Number of items (exam, question and version)."
    value_format_name: decimal_0
    drill_fields: [detail*]
  }

  measure: live_item_count {
    type: count
    description: "Number of live items."
    value_format_name: decimal_0
    filters: [is_live: "yes"]
    drill_fields: [detail*]
  }

  measure: flagged_item_count {
    label: "Flagged items"
    type: count
    description: "Number of live items with any flag."
    value_format_name: decimal_0
    filters: [is_live: "yes", is_flagged: "yes"]
    drill_fields: [detail*]
  }

  measure: low_discrimination_count {
    label: "Low discrimination"
    group_label: "Flags"
    type: count
    description: "Number of live items flagged: low discrimination."
    value_format_name: decimal_0
    filters: [is_live: "yes", is_low_discrimination: "yes"]
    drill_fields: [detail*]
  }

  measure: too_easy_count {
    label: "Too easy"
    group_label: "Flags"
    type: count
    description: "Number of live items flagged: too easy."
    value_format_name: decimal_0
    filters: [is_live: "yes", is_too_easy: "yes"]
    drill_fields: [detail*]
  }

  measure: too_hard_count {
    label: "Too hard"
    group_label: "Flags"
    type: count
    description: "Number of live items flagged: too hard."
    value_format_name: decimal_0
    filters: [is_live: "yes", is_too_hard: "yes"]
    drill_fields: [detail*]
  }

  measure: over_exposed_count {
    label: "Over-exposed"
    group_label: "Flags"
    type: count
    description: "Number of live items flagged: over-exposed."
    value_format_name: decimal_0
    filters: [is_live: "yes", is_over_exposed: "yes"]
    drill_fields: [detail*]
  }

  measure: unused_count {
    label: "Unused"
    group_label: "Flags"
    type: count
    description: "Number of live items flagged: unused."
    value_format_name: decimal_0
    filters: [is_live: "yes", is_unused: "yes"]
    drill_fields: [detail*]
  }

  measure: drifted_count {
    label: "Drifted"
    group_label: "Flags"
    type: count
    description: "Number of live items flagged: drifted."
    value_format_name: decimal_0
    filters: [is_live: "yes", is_drifted: "yes"]
    drill_fields: [detail*]
  }

  measure: dead_distractor_count {
    label: "Dead distractor"
    group_label: "Flags"
    type: count
    description: "Number of live items flagged: dead distractor."
    value_format_name: decimal_0
    filters: [is_live: "yes", has_dead_distractor: "yes"]
    drill_fields: [detail*]
  }

  measure: flagged_share {
    type: number
    description: "Share of live items with any flag."
    value_format_name: percent_1
    sql: 1.0 * ${flagged_item_count} / nullif(${live_item_count}, 0) ;;
  }

  measure: unused_share {
    type: number
    description: "Share of live items that were not served in the last 28 days."
    value_format_name: percent_1
    sql: 1.0 * ${unused_count} / nullif(${live_item_count}, 0) ;;
  }

  measure: max_exposure_rate_28d {
    label: "Max exposure rate (28 days)"
    type: max
    description: "Highest exposure rate of the last 28 days."
    value_format_name: percent_1
    sql: ${exposure_rate_28d} ;;
  }

  measure: mean_exposure_rate_28d {
    label: "Mean exposure rate (28 days)"
    type: average
    description: "Mean exposure rate of the last 28 days."
    value_format_name: percent_1
    sql: ${exposure_rate_28d} ;;
  }

  measure: mean_p_value {
    label: "Mean p-value"
    type: average
    description: "Mean share of right first attempts."
    value_format_name: percent_1
    sql: ${p_value} ;;
  }

  measure: mean_point_biserial {
    type: average
    description: "Mean point-biserial."
    value_format_name: decimal_2
    sql: ${r_point_biserial} ;;
  }

  measure: mean_a {
    label: "Mean a"
    type: average
    description: "Mean discrimination."
    value_format_name: decimal_2
    sql: ${a} ;;
  }

  measure: mean_b {
    label: "Mean b"
    type: average
    description: "Mean difficulty, in logits."
    value_format_name: decimal_2
    sql: ${b} ;;
  }

  measure: total_attempts {
    label: "Responses"
    type: sum
    description: "Responses to the items."
    value_format_name: decimal_0
    drill_fields: [detail*]
    sql: ${attempts} ;;
  }

  set: detail {
    fields: [exam_code, question_id, version, dim_items.topic_path, p_value, r_point_biserial, a, b, exposure_rate_28d, sh_p, flag_count]
  }
}

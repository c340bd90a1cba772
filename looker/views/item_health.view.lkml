# One row per exam, question and version.
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

  dimension: topic_id {
    type: number
    hidden: yes
    sql: ${TABLE}.topic_id ;;
  }

  dimension: difficulty_label {
    type: string
    description: "The author's judgement: easy, medium or hard."
    sql: ${TABLE}.difficulty_label ;;
  }

  dimension: is_live {
    type: yesno
    description: "Published in the exam in this version, and not deleted."
    sql: ${TABLE}.is_live ;;
  }

  dimension: attempts {
    group_label: "Classical"
    type: number
    description: "Answers to this version in the exam, all attempts."
    value_format_name: decimal_0
    sql: ${TABLE}.attempts ;;
  }

  dimension: first_attempts {
    group_label: "Classical"
    type: number
    description: "Answers to this version in the exam that were first attempts."
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

  dimension: mean_score_share {
    label: "Mean share of marks"
    group_label: "Classical"
    type: number
    description: "Mean share of the item's marks over first attempts, 0..1: p_value where marks are all or none."
    value_format_name: percent_1
    sql: ${TABLE}.mean_score_share ;;
  }

  dimension: r_point_biserial {
    label: "Point-biserial"
    group_label: "Classical"
    type: number
    description: "Correlation of right/wrong with the share correct on the quiz's other items (item-rest), over first attempts in quizzes with at least 5 answers; null where either does not vary. Adaptive quizzes level that share, so it runs low there."
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
    description: "Ended quizzes with an answer in which it was served."
    value_format_name: decimal_0
    sql: ${TABLE}.served ;;
  }

  dimension: held_back {
    group_label: "Exposure"
    type: number
    description: "Ended quizzes in which it was held back."
    value_format_name: decimal_0
    sql: ${TABLE}.held_back ;;
  }

  dimension: sessions {
    group_label: "Exposure"
    type: number
    description: "Ended quizzes of the exam that had an answer; others do not count."
    value_format_name: decimal_0
    sql: ${TABLE}.sessions ;;
  }

  dimension: exposure_rate {
    group_label: "Exposure"
    type: number
    description: "served ÷ sessions; null before any quiz ended."
    value_format_name: percent_1
    sql: ${TABLE}.exposure_rate ;;
  }

  dimension: exposure_rate_lower {
    group_label: "Exposure"
    type: number
    description: "Lower end of the exposure rate's 95 % Wilson interval."
    value_format_name: percent_1
    sql: ${TABLE}.exposure_rate_lower ;;
  }

  dimension: exposure_rate_upper {
    group_label: "Exposure"
    type: number
    description: "Upper end of the exposure rate's 95 % Wilson interval."
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
    description: "served_28d ÷ sessions_28d."
    value_format_name: percent_1
    sql: ${TABLE}.exposure_rate_28d ;;
  }

  dimension: exposure_rate_28d_lower {
    label: "Exposure rate (28 days) lower"
    group_label: "Exposure"
    type: number
    description: "Lower end of the recent exposure rate's 95 % Wilson interval."
    value_format_name: percent_1
    sql: ${TABLE}.exposure_rate_28d_lower ;;
  }

  dimension: exposure_rate_28d_upper {
    label: "Exposure rate (28 days) upper"
    group_label: "Exposure"
    type: number
    description: "Upper end of the recent exposure rate's 95 % Wilson interval."
    value_format_name: percent_1
    sql: ${TABLE}.exposure_rate_28d_upper ;;
  }

  dimension_group: last_served {
    type: time
    timeframes: [raw, date]
    datatype: date
    convert_tz: no
    description: "Last day on which it was served."
    sql: ${TABLE}.last_served_on ;;
  }

  dimension: predicted_exposure_rate {
    group_label: "Exposure"
    type: number
    description: "Exposure rate that the certificate in force predicts for controlled quizzes; null without one."
    value_format_name: percent_1
    sql: ${TABLE}.predicted_exposure_rate ;;
  }

  dimension: observed_sessions {
    group_label: "Exposure"
    type: number
    description: "Controlled quizzes with an answer that ended on days after that certificate came into force."
    sql: ${TABLE}.observed_sessions ;;
  }

  dimension: observed_exposure_rate {
    group_label: "Exposure"
    type: number
    description: "Share of observed_sessions in which it was served."
    value_format_name: percent_1
    sql: ${TABLE}.observed_exposure_rate ;;
  }

  dimension: tau {
    group_label: "Exposure"
    type: number
    description: "The highest exposure rate that the exam allows an item, 0..1."
    value_format_name: percent_1
    sql: ${TABLE}.tau ;;
  }

  dimension: sh_p {
    label: "sh_p"
    group_label: "Exposure"
    type: number
    description: "Exposure parameter in force; null if none was ever set, which delivers like 1."
    value_format: "0.000"
    sql: ${TABLE}.sh_p ;;
  }

  dimension: is_pinned {
    group_label: "Exposure"
    type: yesno
    description: "sh_p was set by hand and calibration leaves it alone."
    sql: ${TABLE}.is_pinned ;;
  }

  dimension: irt_model {
    label: "IRT model"
    group_label: "IRT"
    type: string
    description: "Model of the published parameters; null if not calibrated."
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
    description: "Difficulty, in logits of the exam's ability scale."
    value_format_name: decimal_2
    sql: ${TABLE}.b ;;
  }

  dimension: c {
    group_label: "IRT"
    type: number
    description: "Lower asymptote (pseudo-guessing), 0 where the model has none."
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
    description: "Standard error of b."
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
    description: "First attempts that the parameters rest on."
    value_format_name: decimal_0
    sql: ${TABLE}.n_respondents ;;
  }

  dimension_group: fitted {
    type: time
    timeframes: [raw, time, date]
    datatype: timestamp
    description: "When the parameters were estimated."
    sql: ${TABLE}.fitted_at ;;
  }

  dimension: p_value_shift {
    label: "p-value shift"
    group_label: "Classical"
    type: number
    description: "p_value of the recent window less that before it."
    value_format_name: percent_1
    sql: ${TABLE}.p_value_shift ;;
  }

  dimension: p_value_shift_z {
    label: "p-value shift (z)"
    group_label: "Classical"
    type: number
    description: "p_value_shift ÷ √(p(1 − p)(1/n₁ + 1/n₂)), p over all: its size in standard errors."
    value_format_name: decimal_2
    sql: ${TABLE}.p_value_shift_z ;;
  }

  dimension: certified_tau {
    group_label: "Exposure"
    type: number
    description: "The highest exposure rate that the exposure control in force was made to keep; tau without one."
    value_format_name: percent_1
    sql: ${TABLE}.certified_tau ;;
  }

  dimension: drift {
    label: "Drift"
    group_label: "Drift"
    type: number
    description: "Observed less expected share correct of the recent window: mean over first attempts in adaptive quizzes of right (1) or wrong (0) less what the published parameters expect at the ability estimated just before, shifted to what the exam's other items show of people of that estimate. Null without parameters or such answers."
    value_format_name: percent_1
    sql: ${TABLE}.drift ;;
  }

  dimension: drift_se {
    label: "Drift standard error"
    group_label: "Drift"
    type: number
    description: "Standard error of drift; drift ÷ drift_se is a standardized residual."
    value_format_name: percent_1
    sql: ${TABLE}.drift_se ;;
  }

  dimension: drift_responses {
    group_label: "Drift"
    type: number
    description: "First attempts of the recent window that drift rests on."
    value_format_name: decimal_0
    sql: ${TABLE}.drift_responses ;;
  }

  dimension: low_discrimination_q {
    label: "Low discrimination (q)"
    group_label: "Flags"
    type: number
    description: "q of is_low_discrimination; null where it cannot be said."
    value_format_name: decimal_3
    sql: ${TABLE}.low_discrimination_q ;;
  }

  dimension: suspect_key_q {
    label: "Suspect key (q)"
    group_label: "Flags"
    type: number
    description: "q of a wrong option that is chosen more often than the key; null where it cannot be said."
    value_format_name: decimal_3
    sql: ${TABLE}.suspect_key_q ;;
  }

  dimension: drifted_q {
    label: "Drifted (q)"
    group_label: "Flags"
    type: number
    description: "q of is_drifted; null where it cannot be said."
    value_format_name: decimal_3
    sql: ${TABLE}.drifted_q ;;
  }

  dimension: too_easy_q {
    label: "Too easy (q)"
    group_label: "Flags"
    type: number
    description: "q of is_too_easy; null where it cannot be said."
    value_format_name: decimal_3
    sql: ${TABLE}.too_easy_q ;;
  }

  dimension: too_hard_q {
    label: "Too hard (q)"
    group_label: "Flags"
    type: number
    description: "q of is_too_hard; null where it cannot be said."
    value_format_name: decimal_3
    sql: ${TABLE}.too_hard_q ;;
  }

  dimension: over_exposed_q {
    label: "Over-exposed (q)"
    group_label: "Flags"
    type: number
    description: "q of is_over_exposed; null where it cannot be said."
    value_format_name: decimal_3
    sql: ${TABLE}.over_exposed_q ;;
  }

  dimension: is_low_discrimination {
    label: "Low discrimination"
    group_label: "Flags"
    type: yesno
    description: "a is below flag_min_discrimination by more than its standard error explains; if not calibrated, r_point_biserial is below flag_min_point_biserial."
    sql: ${TABLE}.is_low_discrimination ;;
  }

  dimension: has_suspect_key {
    label: "Suspect key"
    group_label: "Flags"
    type: yesno
    description: "A wrong option is chosen more often than the key, and the item discriminates little (is_low_discrimination) or is answered right less often than its parameters expect (is_drifted)."
    sql: ${TABLE}.has_suspect_key ;;
  }

  dimension: is_too_easy {
    label: "Too easy"
    group_label: "Flags"
    type: yesno
    description: "p_value is above flag_easy_p_value."
    sql: ${TABLE}.is_too_easy ;;
  }

  dimension: is_too_hard {
    label: "Too hard"
    group_label: "Flags"
    type: yesno
    description: "p_value is below flag_hard_p_value."
    sql: ${TABLE}.is_too_hard ;;
  }

  dimension: is_over_exposed {
    label: "Over-exposed"
    group_label: "Flags"
    type: yesno
    description: "Since the exposure control in force was published, observed_exposure_rate is above certified_tau by more than flag_over_exposure_margin of it and than chance explains; days before that count for nothing."
    sql: ${TABLE}.is_over_exposed ;;
  }

  dimension: is_unused {
    label: "Unused"
    group_label: "Flags"
    type: yesno
    description: "Live, and not served in the recent window although flag_min_responses quizzes ended."
    sql: ${TABLE}.is_unused ;;
  }

  dimension: is_drifted {
    label: "Drifted"
    group_label: "Flags"
    type: yesno
    description: "drift is at least flag_drift_residual, up or down, and more than chance explains."
    sql: ${TABLE}.is_drifted ;;
  }

  dimension: has_dead_distractor {
    label: "Dead distractor"
    group_label: "Flags"
    type: yesno
    description: "There is a dead distractor."
    sql: ${TABLE}.has_dead_distractor ;;
  }

  dimension: flag_count {
    group_label: "Flags"
    type: number
    description: "Flags that are raised and ask somebody to do something; those of severity note do not count."
    value_format_name: decimal_0
    sql: ${TABLE}.flag_count ;;
  }

  dimension: flags {
    group_label: "Flags"
    type: string
    description: "What the raised flags are called, the most urgent first, notes included."
    sql: array_to_string(${TABLE}.flags, ', ') ;;
  }

  dimension: severity {
    group_label: "Flags"
    type: string
    description: "Of the most urgent flag: act today, look this week or note; null without a flag."
    sql: ${TABLE}.severity ;;
  }

  dimension: what_to_do {
    group_label: "Flags"
    type: string
    description: "What to do about the most urgent flag; null without one."
    sql: ${TABLE}.what_to_do ;;
  }

  dimension: is_flagged {
    group_label: "Flags"
    type: yesno
    description: "Whether the item bears a flag that asks somebody to do something."
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
    description: "Number of live items with a flag that asks somebody to do something (notes do not)."
    value_format_name: decimal_0
    filters: [is_live: "yes", is_flagged: "yes"]
    drill_fields: [detail*]
  }

  measure: act_today_count {
    label: "To act on today"
    group_label: "Flags"
    type: count
    description: "Number of live items with a flag that asks to act today."
    value_format_name: decimal_0
    filters: [is_live: "yes", severity: "act today"]
    drill_fields: [detail*]
  }

  measure: suspect_key_count {
    label: "Suspect key"
    group_label: "Flags"
    type: count
    description: "Number of live items flagged: suspect key."
    value_format_name: decimal_0
    filters: [is_live: "yes", has_suspect_key: "yes"]
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
    description: "Share of live items with a flag that asks somebody to do something (notes do not)."
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
    fields: [exam_code, question_id, version, dim_items.topic_path, p_value, r_point_biserial, a, b, exposure_rate_28d, sh_p, severity, flags, what_to_do]
  }
}

- dashboard: qbank_item_health
  title: "Item health"
  description: "Which items need a look, and why."
  layout: newspaper
  preferred_viewer: dashboards-next
  crossfilter_enabled: true

  filters:
  - name: Exam
    title: Exam
    type: field_filter
    model: qbank
    explore: item_health
    field: item_health.exam_code
    default_value: ""
    allow_multiple_values: true
    required: false
    ui_config:
      type: tag_list
      display: popover

  - name: Topic
    title: Topic
    type: field_filter
    model: qbank
    explore: item_health
    field: dim_topics.topic_path
    default_value: ""
    allow_multiple_values: true
    required: false
    ui_config:
      type: tag_list
      display: popover

  elements:
  - name: live
    title: "Live items"
    model: qbank
    explore: item_health
    type: single_value
    fields: [item_health.live_item_count]
    limit: 500
    listen:
      Exam: item_health.exam_code
      Topic: dim_topics.topic_path
    row: 0
    col: 0
    width: 6
    height: 3

  - name: flagged
    title: "Flagged items"
    model: qbank
    explore: item_health
    type: single_value
    fields: [item_health.flagged_item_count]
    limit: 500
    listen:
      Exam: item_health.exam_code
      Topic: dim_topics.topic_path
    row: 0
    col: 6
    width: 6
    height: 3

  - name: flagged_share
    title: "Flagged (%)"
    model: qbank
    explore: item_health
    type: single_value
    fields: [item_health.flagged_share]
    limit: 500
    listen:
      Exam: item_health.exam_code
      Topic: dim_topics.topic_path
    row: 0
    col: 12
    width: 6
    height: 3

  - name: discrimination
    title: "Mean point-biserial"
    model: qbank
    explore: item_health
    type: single_value
    fields: [item_health.mean_point_biserial]
    filters:
      item_health.is_live: "yes"
    limit: 500
    listen:
      Exam: item_health.exam_code
      Topic: dim_topics.topic_path
    row: 0
    col: 18
    width: 6
    height: 3

  - name: flags
    title: "Live items by flag"
    model: qbank
    explore: item_health
    type: looker_bar
    fields: [item_health.suspect_key_count, item_health.low_discrimination_count, item_health.too_easy_count, item_health.too_hard_count, item_health.over_exposed_count, item_health.unused_count, item_health.drifted_count, item_health.dead_distractor_count]
    limit: 500
    note_text: "An item can bear several flags."
    note_state: collapsed
    note_display: hover
    y_axes: [{"label": "Items", "orientation": "left", "series": [], "showLabels": true, "showValues": true}]
    listen:
      Exam: item_health.exam_code
      Topic: dim_topics.topic_path
    row: 3
    col: 0
    width: 8
    height: 8

  - name: ctt
    title: "Difficulty against discrimination"
    model: qbank
    explore: item_health
    type: looker_scatter
    fields: [item_health.question_id, item_health.p_value, item_health.r_point_biserial]
    filters:
      item_health.is_live: "yes"
    limit: 5000
    note_text: "p-value: share of right first attempts. Point-biserial: correlation with the rest of the quiz."
    note_state: collapsed
    note_display: hover
    hidden_fields: ["item_health.question_id"]
    listen:
      Exam: item_health.exam_code
      Topic: dim_topics.topic_path
    row: 3
    col: 8
    width: 8
    height: 8

  - name: irt
    title: "Parameters a against b"
    model: qbank
    explore: item_health
    type: looker_scatter
    fields: [item_health.question_id, item_health.b, item_health.a]
    filters:
      item_health.is_live: "yes"
    limit: 5000
    note_text: "b: difficulty in logits. a: discrimination on the metric with D = 1.7."
    note_state: collapsed
    note_display: hover
    hidden_fields: ["item_health.question_id"]
    listen:
      Exam: item_health.exam_code
      Topic: dim_topics.topic_path
    row: 3
    col: 16
    width: 8
    height: 8

  - name: worst
    title: "Flagged items, the most urgent first"
    model: qbank
    explore: item_health
    type: looker_grid
    fields: [item_health.exam_code, item_health.question_id, item_health.version, dim_items.external_ref, dim_topics.topic_path, item_health.first_attempts, item_health.p_value, item_health.r_point_biserial, item_health.a, item_health.b, item_health.exposure_rate_28d, item_health.dead_distractors, item_health.median_time_s, item_health.severity, item_health.flags, item_health.what_to_do, item_health.flag_count]
    filters:
      item_health.is_live: "yes"
      item_health.is_flagged: "yes"
    sorts: [item_health.severity, item_health.flag_count desc, item_health.first_attempts desc]
    limit: 200
    listen:
      Exam: item_health.exam_code
      Topic: dim_topics.topic_path
    row: 11
    col: 0
    width: 24
    height: 10

- dashboard: qbank_exposure_control
  title: "Exposure control"
  description: "Whether items are seen more often than tau allows, and what holds them back."
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

  elements:
  - name: max
    title: "Highest exposure rate, 28 days (%)"
    model: qbank
    explore: item_health
    type: single_value
    fields: [item_health.max_exposure_rate_28d]
    filters:
      item_health.is_live: "yes"
    limit: 500
    listen:
      Exam: item_health.exam_code
    row: 0
    col: 0
    width: 6
    height: 3

  - name: over
    title: "Items over-exposed"
    model: qbank
    explore: item_health
    type: single_value
    fields: [item_health.over_exposed_count]
    limit: 500
    note_text: "Above the cap of the exposure control in force, since it came into force."
    note_state: collapsed
    note_display: hover
    listen:
      Exam: item_health.exam_code
    row: 0
    col: 6
    width: 6
    height: 3

  - name: unused
    title: "Live items not served in 28 days (%)"
    model: qbank
    explore: item_health
    type: single_value
    fields: [item_health.unused_share]
    limit: 500
    listen:
      Exam: item_health.exam_code
    row: 0
    col: 12
    width: 6
    height: 3

  - name: held
    title: "Selections held back, 60 days (%)"
    model: qbank
    explore: exposure_daily_rates
    type: single_value
    fields: [exposure_daily_rates.held_back_share]
    filters:
      exposure_daily_rates.exposure_date: "60 days"
    limit: 500
    listen:
      Exam: exposure_daily_rates.exam_code
    row: 0
    col: 18
    width: 6
    height: 3

  - name: buckets
    title: "Live items by exposure rate against tau (28 days)"
    model: qbank
    explore: item_health
    type: looker_column
    fields: [item_health.exposure_bucket, item_health.live_item_count]
    filters:
      item_health.is_live: "yes"
    sorts: [item_health.exposure_bucket]
    limit: 500
    y_axes: [{"label": "Items", "orientation": "left", "series": [], "showLabels": true, "showValues": true}]
    listen:
      Exam: item_health.exam_code
    row: 3
    col: 0
    width: 8
    height: 8

  - name: by_day
    title: "Highest exposure rate of a day, 60 days (%)"
    model: qbank
    explore: exposure_daily_rates
    type: looker_line
    fields: [exposure_daily_rates.exposure_date, exposure_daily_rates.exam_code, exposure_daily_rates.max_exposure_rate]
    pivots: [exposure_daily_rates.exam_code]
    filters:
      exposure_daily_rates.exposure_date: "60 days"
    sorts: [exposure_daily_rates.exposure_date]
    limit: 5000
    note_text: "Days with few sessions swing; judge items by the 28-day interval."
    note_state: collapsed
    note_display: hover
    y_axes: [{"label": "Exposure rate", "orientation": "left", "series": [], "showLabels": true, "showValues": true, "valueFormat": "0%"}]
    listen:
      Exam: exposure_daily_rates.exam_code
    row: 3
    col: 8
    width: 8
    height: 8

  - name: held_by_day
    title: "Served and held back by day, 60 days"
    model: qbank
    explore: exposure_daily_rates
    type: looker_column
    fields: [exposure_daily_rates.exposure_date, exposure_daily_rates.total_served, exposure_daily_rates.total_held_back]
    filters:
      exposure_daily_rates.exposure_date: "60 days"
    sorts: [exposure_daily_rates.exposure_date]
    limit: 5000
    y_axes: [{"label": "Items", "orientation": "left", "series": [], "showLabels": true, "showValues": true}]
    stacking: "normal"
    listen:
      Exam: exposure_daily_rates.exam_code
    row: 3
    col: 16
    width: 8
    height: 8

  - name: difficulty
    title: "Exposure rate (28 days) against difficulty b (logits)"
    model: qbank
    explore: item_health
    type: looker_scatter
    fields: [item_health.question_id, item_health.b, item_health.exposure_rate_28d]
    filters:
      item_health.is_live: "yes"
    limit: 5000
    hidden_fields: ["item_health.question_id"]
    listen:
      Exam: item_health.exam_code
    row: 11
    col: 0
    width: 10
    height: 9

  - name: most
    title: "Most exposed items (28 days)"
    model: qbank
    explore: item_health
    type: looker_grid
    fields: [item_health.exam_code, item_health.question_id, item_health.version, dim_topics.topic_path, item_health.exposure_rate_28d, item_health.exposure_rate_28d_lower, item_health.exposure_rate_28d_upper, item_health.tau, item_health.sh_p, item_health.is_pinned]
    filters:
      item_health.is_live: "yes"
    sorts: [item_health.exposure_rate_28d desc]
    limit: 50
    listen:
      Exam: item_health.exam_code
    row: 11
    col: 10
    width: 14
    height: 9

- dashboard: qbank_blueprint_coverage
  title: "Blueprint coverage"
  description: "What the exam should be made of, what it is made of, and what to write next."
  layout: newspaper
  preferred_viewer: dashboards-next
  crossfilter_enabled: true

  filters:
  - name: Exam
    title: Exam
    type: field_filter
    model: qbank
    explore: blueprint_coverage
    field: blueprint_coverage.exam_code
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
    explore: blueprint_coverage
    type: single_value
    fields: [blueprint_coverage.total_published_items]
    limit: 500
    listen:
      Exam: blueprint_coverage.exam_code
    row: 0
    col: 0
    width: 6
    height: 3

  - name: needed
    title: "Items that the blueprint needs"
    model: qbank
    explore: blueprint_coverage
    type: single_value
    fields: [blueprint_coverage.total_required_items]
    limit: 500
    listen:
      Exam: blueprint_coverage.exam_code
    row: 0
    col: 6
    width: 6
    height: 3

  - name: write
    title: "Items still to write"
    model: qbank
    explore: blueprint_coverage
    type: single_value
    fields: [blueprint_coverage.total_items_to_write]
    limit: 500
    listen:
      Exam: blueprint_coverage.exam_code
    row: 0
    col: 12
    width: 6
    height: 3

  - name: short
    title: "Topics short of items"
    model: qbank
    explore: blueprint_coverage
    type: single_value
    fields: [blueprint_coverage.short_topic_count]
    limit: 500
    listen:
      Exam: blueprint_coverage.exam_code
    row: 0
    col: 18
    width: 6
    height: 3

  - name: shares
    title: "Target, live and served shares by topic (%)"
    model: qbank
    explore: blueprint_coverage
    type: looker_bar
    fields: [blueprint_coverage.exam_code, dim_topics.topic_path, blueprint_coverage.total_target_weight, blueprint_coverage.total_published_share, blueprint_coverage.total_administered_share_28d]
    sorts: [blueprint_coverage.total_target_weight desc]
    limit: 50
    x_axis_label: "Topic"
    listen:
      Exam: blueprint_coverage.exam_code
    row: 3
    col: 0
    width: 14
    height: 10

  - name: difficulty
    title: "Live items by topic and difficulty"
    model: qbank
    explore: blueprint_coverage
    type: looker_bar
    fields: [blueprint_coverage.exam_code, dim_topics.topic_path, blueprint_coverage.difficulty, blueprint_coverage.cell_published_items]
    pivots: [blueprint_coverage.difficulty]
    filters:
      blueprint_coverage.is_whole_topic: "no"
    sorts: [blueprint_coverage.exam_code, dim_topics.topic_path]
    limit: 200
    stacking: "normal"
    listen:
      Exam: blueprint_coverage.exam_code
    row: 3
    col: 14
    width: 10
    height: 10

  - name: next
    title: "What to write next"
    model: qbank
    explore: blueprint_coverage
    type: looker_grid
    fields: [blueprint_coverage.exam_code, dim_topics.topic_path, blueprint_coverage.difficulty, blueprint_coverage.published_items, blueprint_coverage.required_items, blueprint_coverage.items_to_write, blueprint_coverage.target_weight, blueprint_coverage.published_share, blueprint_coverage.share_gap, blueprint_coverage.administered_share_28d]
    filters:
      blueprint_coverage.items_to_write: ">0"
    sorts: [blueprint_coverage.items_to_write desc]
    limit: 200
    listen:
      Exam: blueprint_coverage.exam_code
    row: 13
    col: 0
    width: 24
    height: 9

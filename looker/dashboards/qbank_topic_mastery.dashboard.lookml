- dashboard: qbank_topic_mastery
  title: "Topic mastery"
  description: "What students know, and where they know least."
  layout: newspaper
  preferred_viewer: dashboards-next
  crossfilter_enabled: true

  filters:
  - name: Exam
    title: Exam
    type: field_filter
    model: qbank
    explore: topic_mastery
    field: topic_mastery.exam_code
    default_value: ""
    allow_multiple_values: true
    required: false
    ui_config:
      type: tag_list
      display: popover

  elements:
  - name: students
    title: "Students"
    model: qbank
    explore: topic_mastery
    type: single_value
    fields: [topic_mastery.user_count]
    limit: 500
    listen:
      Exam: topic_mastery.exam_code
    row: 0
    col: 0
    width: 6
    height: 3

  - name: mean
    title: "Mean mastery of the main topics (%)"
    model: qbank
    explore: topic_mastery
    type: single_value
    fields: [topic_mastery.mean_mastery]
    filters:
      dim_topics.depth: "0"
    limit: 500
    listen:
      Exam: topic_mastery.exam_code
    row: 0
    col: 6
    width: 6
    height: 3

  - name: ability
    title: "Mean ability (logits)"
    model: qbank
    explore: user_ability
    type: single_value
    fields: [user_ability.mean_theta]
    limit: 500
    listen:
      Exam: user_ability.exam_code
    row: 0
    col: 12
    width: 6
    height: 3

  - name: se
    title: "Mean standard error of ability (logits)"
    model: qbank
    explore: user_ability
    type: single_value
    fields: [user_ability.mean_theta_se]
    limit: 500
    listen:
      Exam: user_ability.exam_code
    row: 0
    col: 18
    width: 6
    height: 3

  - name: topics
    title: "Mastery of the main topics (%)"
    model: qbank
    explore: topic_mastery
    type: looker_bar
    fields: [dim_topics.topic_name, topic_mastery.mean_mastery, topic_mastery.mastery_p25, topic_mastery.mastery_p75]
    filters:
      dim_topics.depth: "0"
    sorts: [topic_mastery.mean_mastery]
    limit: 50
    note_text: "Mean and quartiles over students; mastery is accuracy, shrunk towards the parent topic where answers are few."
    note_state: collapsed
    note_display: hover
    x_axis_label: "Topic"
    listen:
      Exam: topic_mastery.exam_code
    row: 3
    col: 0
    width: 12
    height: 8

  - name: distribution
    title: "Students by ability (steps of half a logit)"
    model: qbank
    explore: user_ability
    type: looker_column
    fields: [user_ability.theta_bucket, user_ability.estimate_count]
    sorts: [user_ability.theta_bucket]
    limit: 500
    y_axes: [{"label": "Students", "orientation": "left", "series": [], "showLabels": true, "showValues": true}]
    listen:
      Exam: user_ability.exam_code
    row: 3
    col: 12
    width: 12
    height: 8

  - name: weakest
    title: "Topics, weakest first"
    model: qbank
    explore: topic_mastery
    type: looker_grid
    fields: [dim_topics.topic_path, topic_mastery.user_count, topic_mastery.total_attempts, topic_mastery.pooled_accuracy, topic_mastery.mean_mastery, topic_mastery.mastery_p25, topic_mastery.mean_topic_time_s]
    filters:
      dim_topics.is_leaf: "yes"
    sorts: [topic_mastery.mean_mastery]
    limit: 200
    listen:
      Exam: topic_mastery.exam_code
    row: 11
    col: 0
    width: 24
    height: 10

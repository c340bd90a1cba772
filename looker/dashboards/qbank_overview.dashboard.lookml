- dashboard: qbank_overview
  title: "QBank overview"
  description: "How much is practised, how well, and by whom."
  layout: newspaper
  preferred_viewer: dashboards-next
  crossfilter_enabled: true

  filters:
  - name: Date
    title: Date
    type: field_filter
    model: qbank
    explore: exam_daily_activity
    field: exam_daily_activity.activity_date
    default_value: "60 days"
    allow_multiple_values: true
    required: false
    ui_config:
      type: relative_timeframes
      display: popover

  - name: Exam
    title: Exam
    type: field_filter
    model: qbank
    explore: exam_daily_activity
    field: exam_daily_activity.exam_code
    default_value: ""
    allow_multiple_values: true
    required: false
    ui_config:
      type: tag_list
      display: popover

  elements:
  - name: responses
    title: "Responses"
    model: qbank
    explore: exam_daily_activity
    type: single_value
    fields: [exam_daily_activity.total_responses]
    limit: 500
    listen:
      Date: exam_daily_activity.activity_date
      Exam: exam_daily_activity.exam_code
    row: 0
    col: 0
    width: 6
    height: 3

  - name: accuracy
    title: "Accuracy (%)"
    model: qbank
    explore: exam_daily_activity
    type: single_value
    fields: [exam_daily_activity.accuracy]
    limit: 500
    listen:
      Date: exam_daily_activity.activity_date
      Exam: exam_daily_activity.exam_code
    row: 0
    col: 6
    width: 6
    height: 3

  - name: active_students
    title: "Active students"
    model: qbank
    explore: fact_responses
    type: single_value
    fields: [fact_responses.user_count]
    limit: 500
    listen:
      Date: fact_responses.answered_date
      Exam: fact_responses.exam_code
    row: 0
    col: 12
    width: 6
    height: 3

  - name: completion
    title: "Sessions finished (%)"
    model: qbank
    explore: exam_daily_activity
    type: single_value
    fields: [exam_daily_activity.completion_rate]
    limit: 500
    listen:
      Date: exam_daily_activity.activity_date
      Exam: exam_daily_activity.exam_code
    row: 0
    col: 18
    width: 6
    height: 3

  - name: accuracy_by_day
    title: "Accuracy by day (%)"
    model: qbank
    explore: exam_daily_activity
    type: looker_line
    fields: [exam_daily_activity.activity_date, exam_daily_activity.exam_code, exam_daily_activity.accuracy]
    pivots: [exam_daily_activity.exam_code]
    sorts: [exam_daily_activity.activity_date]
    limit: 5000
    y_axes: [{"label": "Accuracy", "orientation": "left", "series": [], "showLabels": true, "showValues": true, "valueFormat": "0%"}]
    interpolation: "monotone"
    show_null_points: false
    listen:
      Date: exam_daily_activity.activity_date
      Exam: exam_daily_activity.exam_code
    row: 3
    col: 0
    width: 12
    height: 7

  - name: responses_by_day
    title: "Responses by day"
    model: qbank
    explore: exam_daily_activity
    type: looker_column
    fields: [exam_daily_activity.activity_date, exam_daily_activity.exam_code, exam_daily_activity.total_responses]
    pivots: [exam_daily_activity.exam_code]
    sorts: [exam_daily_activity.activity_date]
    limit: 5000
    y_axes: [{"label": "Responses", "orientation": "left", "series": [], "showLabels": true, "showValues": true}]
    stacking: "normal"
    listen:
      Date: exam_daily_activity.activity_date
      Exam: exam_daily_activity.exam_code
    row: 3
    col: 12
    width: 12
    height: 7

  - name: attempts_by_topic
    title: "Responses and accuracy by topic"
    model: qbank
    explore: fact_responses
    type: looker_grid
    fields: [dim_topics.topic_path, fact_responses.response_count, fact_responses.accuracy, fact_responses.median_time_s]
    sorts: [fact_responses.response_count desc]
    limit: 50
    show_row_numbers: false
    listen:
      Date: fact_responses.answered_date
      Exam: fact_responses.exam_code
    row: 10
    col: 0
    width: 12
    height: 8

  - name: active_by_day
    title: "Active students by day"
    model: qbank
    explore: fact_responses
    type: looker_area
    fields: [fact_responses.answered_date, fact_responses.user_count]
    sorts: [fact_responses.answered_date]
    limit: 5000
    y_axes: [{"label": "Students", "orientation": "left", "series": [], "showLabels": true, "showValues": true}]
    listen:
      Date: fact_responses.answered_date
      Exam: fact_responses.exam_code
    row: 10
    col: 12
    width: 12
    height: 8

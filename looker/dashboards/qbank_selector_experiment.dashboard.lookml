- dashboard: qbank_selector_experiment
  title: "Selector experiment"
  description: "Cohorts under different selection rules, side by side with 95 % intervals."
  layout: newspaper
  preferred_viewer: dashboards-next
  crossfilter_enabled: true

  filters:
  - name: Exam
    title: Exam
    type: field_filter
    model: qbank
    explore: selector_experiment
    field: selector_experiment.exam_code
    default_value: ""
    allow_multiple_values: true
    required: false
    ui_config:
      type: tag_list
      display: popover

  - name: Experiment
    title: Experiment
    type: field_filter
    model: qbank
    explore: selector_experiment
    field: selector_experiment.cohort_key
    default_value: "delivered_selector"
    allow_multiple_values: true
    required: false
    ui_config:
      type: tag_list
      display: popover

  elements:
  - name: exposure
    title: "Highest exposure rate of an item (%)"
    model: qbank
    explore: selector_experiment
    type: looker_column
    fields: [selector_experiment.exam_code, selector_experiment.cohort_value, selector_experiment.cohort_max_exposure]
    pivots: [selector_experiment.cohort_value]
    limit: 500
    y_axes: [{"label": "Exposure rate", "orientation": "left", "series": [], "showLabels": true, "showValues": true, "valueFormat": "0%"}]
    listen:
      Exam: selector_experiment.exam_code
      Experiment: selector_experiment.cohort_key
    row: 0
    col: 0
    width: 8
    height: 8

  - name: overlap
    title: "Overlap between two students (%)"
    model: qbank
    explore: selector_experiment
    type: looker_column
    fields: [selector_experiment.exam_code, selector_experiment.cohort_value, selector_experiment.cohort_overlap]
    pivots: [selector_experiment.cohort_value]
    limit: 500
    y_axes: [{"label": "Overlap", "orientation": "left", "series": [], "showLabels": true, "showValues": true, "valueFormat": "0%"}]
    listen:
      Exam: selector_experiment.exam_code
      Experiment: selector_experiment.cohort_key
    row: 0
    col: 8
    width: 8
    height: 8

  - name: precision
    title: "Mean standard error of ability (logits)"
    model: qbank
    explore: selector_experiment
    type: looker_column
    fields: [selector_experiment.exam_code, selector_experiment.cohort_value, selector_experiment.cohort_theta_se]
    pivots: [selector_experiment.cohort_value]
    limit: 500
    y_axes: [{"label": "Standard error", "orientation": "left", "series": [], "showLabels": true, "showValues": true}]
    listen:
      Exam: selector_experiment.exam_code
      Experiment: selector_experiment.cohort_key
    row: 0
    col: 16
    width: 8
    height: 8

  - name: table
    title: "All measures with 95 % intervals"
    model: qbank
    explore: selector_experiment
    type: looker_grid
    fields: [selector_experiment.exam_code, selector_experiment.cohort_value, selector_experiment.sessions, selector_experiment.items_served, selector_experiment.max_exposure, selector_experiment.max_exposure_lower, selector_experiment.max_exposure_upper, selector_experiment.overlap, selector_experiment.overlap_lower, selector_experiment.overlap_upper, selector_experiment.mean_theta_se, selector_experiment.mean_theta_se_lower, selector_experiment.mean_theta_se_upper, selector_experiment.mean_accuracy, selector_experiment.mean_accuracy_lower, selector_experiment.mean_accuracy_upper, selector_experiment.mean_time_s, selector_experiment.mean_time_s_lower, selector_experiment.mean_time_s_upper]
    sorts: [selector_experiment.exam_code, selector_experiment.cohort_value]
    limit: 500
    listen:
      Exam: selector_experiment.exam_code
      Experiment: selector_experiment.cohort_key
    row: 8
    col: 0
    width: 24
    height: 8

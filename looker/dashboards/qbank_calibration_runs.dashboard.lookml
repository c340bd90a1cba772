- dashboard: qbank_calibration_runs
  title: "Calibration runs"
  description: "Every run: whether it ended well, what it changed and what it cost."
  layout: newspaper
  preferred_viewer: dashboards-next
  crossfilter_enabled: true

  filters:
  - name: Date
    title: Requested
    type: field_filter
    model: qbank
    explore: calibration_run_summary
    field: calibration_run_summary.requested_date
    default_value: "90 days"
    allow_multiple_values: true
    required: false
    ui_config:
      type: relative_timeframes
      display: popover

  - name: Exam
    title: Exam
    type: field_filter
    model: qbank
    explore: calibration_run_summary
    field: calibration_run_summary.exam_code
    default_value: ""
    allow_multiple_values: true
    required: false
    ui_config:
      type: tag_list
      display: popover

  - name: Kind
    title: Kind
    type: field_filter
    model: qbank
    explore: calibration_run_summary
    field: calibration_run_summary.kind
    default_value: ""
    allow_multiple_values: true
    required: false
    ui_config:
      type: tag_list
      display: popover

  elements:
  - name: runs
    title: "Runs"
    model: qbank
    explore: calibration_run_summary
    type: single_value
    fields: [calibration_run_summary.run_count]
    limit: 500
    listen:
      Date: calibration_run_summary.requested_date
      Exam: calibration_run_summary.exam_code
      Kind: calibration_run_summary.kind
    row: 0
    col: 0
    width: 6
    height: 3

  - name: success
    title: "Ended as done (%)"
    model: qbank
    explore: calibration_run_summary
    type: single_value
    fields: [calibration_run_summary.success_rate]
    limit: 500
    note_text: "Of the runs that were done, failed or rejected by the audit."
    note_state: collapsed
    note_display: hover
    listen:
      Date: calibration_run_summary.requested_date
      Exam: calibration_run_summary.exam_code
      Kind: calibration_run_summary.kind
    row: 0
    col: 6
    width: 6
    height: 3

  - name: time
    title: "Median run time (s)"
    model: qbank
    explore: calibration_run_summary
    type: single_value
    fields: [calibration_run_summary.median_run_seconds]
    limit: 500
    listen:
      Date: calibration_run_summary.requested_date
      Exam: calibration_run_summary.exam_code
      Kind: calibration_run_summary.kind
    row: 0
    col: 12
    width: 6
    height: 3

  - name: changed
    title: "Exposure parameters changed"
    model: qbank
    explore: calibration_run_summary
    type: single_value
    fields: [calibration_run_summary.total_sh_p_changed]
    limit: 500
    listen:
      Date: calibration_run_summary.requested_date
      Exam: calibration_run_summary.exam_code
      Kind: calibration_run_summary.kind
    row: 0
    col: 18
    width: 6
    height: 3

  - name: by_day
    title: "Runs by day and status"
    model: qbank
    explore: calibration_run_summary
    type: looker_column
    fields: [calibration_run_summary.requested_date, calibration_run_summary.status, calibration_run_summary.run_count]
    pivots: [calibration_run_summary.status]
    sorts: [calibration_run_summary.requested_date]
    limit: 5000
    stacking: "normal"
    y_axes: [{"label": "Runs", "orientation": "left", "series": [], "showLabels": true, "showValues": true}]
    listen:
      Date: calibration_run_summary.requested_date
      Exam: calibration_run_summary.exam_code
      Kind: calibration_run_summary.kind
    row: 3
    col: 0
    width: 12
    height: 7

  - name: effect
    title: "Simulated max exposure at the end by day (%)"
    model: qbank
    explore: calibration_run_summary
    type: looker_line
    fields: [calibration_run_summary.requested_date, calibration_run_summary.exam_code, calibration_run_summary.mean_max_exposure_last]
    pivots: [calibration_run_summary.exam_code]
    filters:
      calibration_run_summary.kind: "sympson_hetter,reestimation"
    sorts: [calibration_run_summary.requested_date]
    limit: 5000
    y_axes: [{"label": "Max exposure", "orientation": "left", "series": [], "showLabels": true, "showValues": true, "valueFormat": "0%"}]
    listen:
      Date: calibration_run_summary.requested_date
      Exam: calibration_run_summary.exam_code
      Kind: calibration_run_summary.kind
    row: 3
    col: 12
    width: 12
    height: 7

  - name: table
    title: "Runs, newest first"
    model: qbank
    explore: calibration_run_summary
    type: looker_grid
    fields: [calibration_run_summary.requested_time, calibration_run_summary.exam_code, calibration_run_summary.kind, calibration_run_summary.status, calibration_run_summary.requested_by, calibration_run_summary.is_dry_run, calibration_run_summary.iterations, calibration_run_summary.max_exposure_first, calibration_run_summary.max_exposure_last, calibration_run_summary.overlap_last, calibration_run_summary.rmse_first, calibration_run_summary.rmse_last, calibration_run_summary.sh_p_changed, calibration_run_summary.run_seconds, calibration_run_summary.stopped_reason, calibration_run_summary.error]
    sorts: [calibration_run_summary.requested_time desc]
    limit: 200
    listen:
      Date: calibration_run_summary.requested_date
      Exam: calibration_run_summary.exam_code
      Kind: calibration_run_summary.kind
    row: 10
    col: 0
    width: 24
    height: 10

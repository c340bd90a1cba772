# Caches live until the night has rebuilt the marts: activity moves with every build that found new
# sessions, the runs with every calibration that ended.
datagroup: nightly {
  label: "Nightly build"
  description: "Changes when the marts were rebuilt or a calibration run ended."
  sql_trigger:
    select concat_ws('|',
      (select max(loaded_at) from @{schema}.exam_daily_activity),
      (select max(finished_at) from @{schema}.calibration_run_summary)) ;;
  max_cache_age: "25 hours"
}

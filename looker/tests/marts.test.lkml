# Data tests that Looker offers before a deployment. Each says something that no night may break.

test: a_response_is_counted_once {
  explore_source: fact_responses {
    column: response_count { field: fact_responses.response_count }
    column: question_count { field: fact_responses.question_count }
  }
  assert: there_is_something {
    expression: ${fact_responses.response_count} >= ${fact_responses.question_count} ;;
  }
}

test: accuracy_is_a_share {
  explore_source: exam_daily_activity {
    column: exam_code { field: exam_daily_activity.exam_code }
    column: accuracy { field: exam_daily_activity.accuracy }
  }
  assert: between_zero_and_one {
    expression: is_null(${exam_daily_activity.accuracy})
      OR (${exam_daily_activity.accuracy} >= 0 AND ${exam_daily_activity.accuracy} <= 1) ;;
  }
}

test: exposure_rates_are_shares {
  explore_source: item_health {
    column: exam_code { field: item_health.exam_code }
    column: max_exposure_rate_28d { field: item_health.max_exposure_rate_28d }
  }
  assert: between_zero_and_one {
    expression: is_null(${item_health.max_exposure_rate_28d})
      OR (${item_health.max_exposure_rate_28d} >= 0 AND ${item_health.max_exposure_rate_28d} <= 1) ;;
  }
}

test: flagged_items_are_live_items {
  explore_source: item_health {
    column: exam_code { field: item_health.exam_code }
    column: live_item_count { field: item_health.live_item_count }
    column: flagged_item_count { field: item_health.flagged_item_count }
  }
  assert: no_more_flagged_than_live {
    expression: ${item_health.flagged_item_count} <= ${item_health.live_item_count} ;;
  }
}

test: every_item_has_its_topic {
  explore_source: item_health {
    column: question_id { field: item_health.question_id }
    column: topic_path { field: dim_topics.topic_path }
    limit: 5000
  }
  assert: topic_is_known {
    expression: NOT is_null(${dim_topics.topic_path}) ;;
  }
}

test: mastery_lies_in_its_interval {
  explore_source: topic_mastery {
    column: user_id { field: topic_mastery.user_id }
    column: mastery { field: topic_mastery.mastery }
    column: mastery_lower { field: topic_mastery.mastery_lower }
    column: mastery_upper { field: topic_mastery.mastery_upper }
    limit: 5000
  }
  assert: lower_below_upper {
    expression: ${topic_mastery.mastery_lower} <= ${topic_mastery.mastery}
      AND ${topic_mastery.mastery} <= ${topic_mastery.mastery_upper} ;;
  }
}

test: a_topic_has_one_whole_row {
  explore_source: blueprint_coverage {
    column: exam_code { field: blueprint_coverage.exam_code }
    column: topic_path { field: dim_topics.topic_path }
    column: topic_count { field: blueprint_coverage.topic_count }
  }
  assert: exactly_one {
    expression: ${blueprint_coverage.topic_count} = 1 ;;
  }
}

test: an_ended_run_says_when {
  explore_source: calibration_run_summary {
    column: run_id { field: calibration_run_summary.run_id }
    column: finished_date { field: calibration_run_summary.finished_date }
    filters: [calibration_run_summary.status: "done,failed,rejected"]
  }
  assert: it_has_a_date {
    expression: NOT is_null(${calibration_run_summary.finished_date}) ;;
  }
}

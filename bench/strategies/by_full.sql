{{ config(materialized='table') }}
{{ item_days(ref('fact_responses')) }}

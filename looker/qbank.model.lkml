# The marts of qbank. A number has one definition, in dbt; what is here only counts, sums and
# averages what the marts hold.
connection: "@{connection}"
label: "QBank"
week_start_day: monday

include: "/nightly.datagroup.lkml"
include: "/views/*.view.lkml"
include: "/explores/*.explore.lkml"
include: "/dashboards/*.dashboard.lookml"
include: "/tests/*.test.lkml"

persist_with: nightly

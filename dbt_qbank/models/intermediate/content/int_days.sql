-- every day that a metric may be asked about
select cast(days.day as date) as date_day
from
    generate_series(
        cast('2015-01-01' as date), cast('2049-12-31' as date), interval '1 day'
    ) as days (day)

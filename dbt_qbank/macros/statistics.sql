{#- Statistics in SQL: intervals, shares, quantiles of binned times. No business rules. -#}

{#- A ratio, null where there is nothing to divide by. -#}
{% macro ratio(part, whole) -%}
    (cast({{ part }} as double precision) / nullif({{ whole }}, 0))
{%- endmacro %}

{#- Standard errors on either side of an estimate that has a normal error, at 95 %. -#}
{% macro z_95() %}{{ return(1.959964) }}{% endmacro %}

{#- The same where one side alone is asked about. -#}
{% macro z_95_one_sided() %}{{ return(1.644854) }}{% endmacro %}

{#- Wilson (1927) score interval of a proportion at 95 %, or the bound at another `z`: `bound` is 'lower' or 'upper'.
    It stays inside [0, 1] and is not empty at 0 or 1, unlike the normal interval. Null without
    trials, asked for in so many words because greatest() and least() pass nulls over. -#}
{% macro wilson(bound, successes, trials, z=none) -%}
    {%- set z = z or z_95() -%}
    {%- set n = "cast(" ~ trials ~ " as double precision)" -%}
    {%- set k = "cast(" ~ successes ~ " as double precision)" -%}
    case when {{ trials }} > 0 then least(1, greatest(0, (
        {{ k }} / {{ n }} + {{ z * z / 2 }} / {{ n }}
        {{ "-" if bound == "lower" else "+" }} {{ z }} * sqrt(
            greatest(0, {{ k }} / {{ n }} * (1 - {{ k }} / {{ n }})) / {{ n }} + {{ z * z / 4 }} / {{ n }} / {{ n }}
        )
    ) / (1 + {{ z * z }} / {{ n }}))) end
{%- endmacro %}

{#- What a 1PL, 2PL or 3PL expects of people whose abilities have a mean and a variance, with D = 1.7: there
    a logistic curve is nearly a normal one, whose mean over normal abilities is another normal
    one (Lord 1980, eq. 4-27). -#}
{% macro expected_score(mean, variance, parameters) -%}
    case when {{ parameters }}.a is not null and {{ parameters }}.b is not null then
        coalesce({{ parameters }}.c, 0) + (1 - coalesce({{ parameters }}.c, 0)) / (1 + exp(greatest(-500, least(
            500,
            -1.7 * {{ parameters }}.a * ({{ mean }} - {{ parameters }}.b)
            / sqrt(1 + power({{ parameters }}.a, 2) * {{ variance }})
        ))))
    end
{%- endmacro %}

{#- Probability that a standard normal value is above `z`, which counts as 30 where it is more: what comes then
    is too small for a number. -#}
{% macro normal_tail(z) -%}
    case when ({{ z }}) is not null
        then 0.5 * erfc(least(30, {{ z }}) / sqrt(cast(2 as double precision)))
    end
{%- endmacro %}

{#- Probability of a share like this or a higher one in `n` trials, if it is `bound`: the score test, which
    is what Wilson's interval turns around. -#}
{% macro share_above(share, n, bound) -%}
    {{ normal_tail(
        "(" ~ share ~ " - " ~ bound ~ ") * sqrt(" ~ n ~ ") / nullif(sqrt((" ~ bound ~ ") * (1 - " ~ bound ~ ")), 0)"
    ) }}
{%- endmacro %}

{#- Fisher's (1915) z of a correlation: normal, with a standard error of 1 ÷ √(n − 3). -#}
{% macro fisher_z(r) -%}
    case when {{ r }} is not null then atanh(greatest(-0.999999, least(0.999999, {{ r }}))) end
{%- endmacro %}

{#- Standard error of a mean from a count, a sum and a sum of squares; null under two values. What
    is left of equal values after subtracting is rounding, which moves with the order of summation. -#}
{% macro standard_error(n, total, squares) -%}
    {%- set spread = squares ~ " - " ~ total ~ " * " ~ total ~ " / nullif(" ~ n ~ ", 0)" -%}
    sqrt(
        case when {{ spread }} > 1e-12 * {{ squares }} then {{ spread }} else 0 end
        / nullif({{ n }} - 1, 0) / nullif({{ n }}, 0)
    )
{%- endmacro %}

{#- Times are counted in bins whose bounds grow by 10 %, so that days add up and a quantile read
    from the bins is less than 10 % off the response that stands at that share. -#}
{% macro time_bin(milliseconds) -%}
    cast(floor(ln(greatest({{ milliseconds }}, 1)) / ln(1.1)) as integer)
{%- endmacro %}

{#- The time below which a share `q` of a bin's responses and of those before it lie: the place
    in the bin is taken by share, on the bin's own logarithmic scale. -#}
{% macro time_at(q, bin, in_bin, up_to, total) -%}
    power(
        cast(1.1 as double precision),
        {{ bin }} + cast({{ q }} * {{ total }} - {{ up_to }} + {{ in_bin }} as double precision) / {{ in_bin }}
    )
{%- endmacro %}

{#- A number out of a JSON object; null where it is missing or is no number. -#}
{% macro json_number(object, key) -%}
    case
        when jsonb_typeof({{ object }} -> '{{ key }}') = 'number'
            then cast({{ object }} ->> '{{ key }}' as double precision)
    end
{%- endmacro %}

{#- What DuckDB and Spark SQL spell differently. Every macro here yields one SQL expression. -#}

{% macro type_text() %}{{ return(adapter.dispatch('type_text', 'octolake')()) }}{% endmacro %}
{% macro duckdb__type_text() %}varchar{% endmacro %}
{% macro spark__type_text() %}string{% endmacro %}

{#- An instant. Spark's timestamp is one; DuckDB's is not. -#}
{% macro type_instant() %}{{ return(adapter.dispatch('type_instant', 'octolake')()) }}{% endmacro %}
{% macro duckdb__type_instant() %}timestamptz{% endmacro %}
{% macro spark__type_instant() %}timestamp{% endmacro %}

{#- The UTC wall clock of an instant, whatever the session's time zone. -#}
{% macro utc_clock(instant) %}{{ return(adapter.dispatch('utc_clock', 'octolake')(instant)) }}{% endmacro %}
{% macro duckdb__utc_clock(instant) %}make_timestamp(epoch_us({{ instant }})){% endmacro %}
{% macro spark__utc_clock(instant) %}to_utc_timestamp({{ instant }}, current_timezone()){% endmacro %}

{#- Days since 1970-01-01: a number, so that a window frame can range over days in both dialects. -#}
{% macro day_number(day) %}{{ return(adapter.dispatch('day_number', 'octolake')(day)) }}{% endmacro %}
{% macro duckdb__day_number(day) %}date_diff('day', date '1970-01-01', {{ day }}){% endmacro %}
{% macro spark__day_number(day) %}datediff({{ day }}, date '1970-01-01'){% endmacro %}

{% macro days_before(day, days) %}{{ return(adapter.dispatch('days_before', 'octolake')(day, days)) }}{% endmacro %}
{% macro duckdb__days_before(day, days) %}({{ day }} - {{ days }}){% endmacro %}
{% macro spark__days_before(day, days) %}date_sub({{ day }}, {{ days }}){% endmacro %}

{#- Part number `part` (from 1) of a text split at a separator; NULL when absent or empty. -#}
{% macro part_of(text, separator, part) %}{{ return(adapter.dispatch('part_of', 'octolake')(text, separator, part)) }}{% endmacro %}
{% macro default__part_of(text, separator, part) %}nullif(split_part({{ text }}, '{{ separator }}', {{ part }}), ''){% endmacro %}

{#- The first match of a regular expression taken out (RE2 and Java agree on what is used here). -#}
{% macro without_match(text, pattern) %}{{ return(adapter.dispatch('without_match', 'octolake')(text, pattern)) }}{% endmacro %}
{% macro default__without_match(text, pattern) %}regexp_replace({{ text }}, '{{ pattern }}', ''){% endmacro %}

{#- A text of decimal digits as an integer of up to 38 digits; 0 when it is anything else. -#}
{% macro integer_or_zero(text) %}{{ return(adapter.dispatch('integer_or_zero', 'octolake')(text)) }}{% endmacro %}
{% macro duckdb__integer_or_zero(text) -%}
coalesce(case when regexp_full_match({{ text }}, '[0-9]+') then try_cast({{ text }} as hugeint) end, 0)
{%- endmacro %}
{% macro spark__integer_or_zero(text) -%}
coalesce(case when {{ text }} rlike '^[0-9]+$' then try_cast({{ text }} as decimal(38, 0)) end, 0)
{%- endmacro %}

{#- The value of an expression, NULL included, in the row whose key (a list of expressions, compared
    in order, never NULL) is greatest or least. -#}
{% macro value_at_max(value, key) %}{{ return(adapter.dispatch('value_at_max', 'octolake')(value, key)) }}{% endmacro %}
{% macro duckdb__value_at_max(value, key) %}arg_max_null({{ value }}, {{ 'row(' ~ key | join(', ') ~ ')' if key | length > 1 else key[0] }}){% endmacro %}
{% macro spark__value_at_max(value, key) %}max_by({{ value }}, {{ 'struct(' ~ key | join(', ') ~ ')' if key | length > 1 else key[0] }}){% endmacro %}

{% macro value_at_min(value, key) %}{{ return(adapter.dispatch('value_at_min', 'octolake')(value, key)) }}{% endmacro %}
{% macro duckdb__value_at_min(value, key) %}arg_min_null({{ value }}, {{ 'row(' ~ key | join(', ') ~ ')' if key | length > 1 else key[0] }}){% endmacro %}
{% macro spark__value_at_min(value, key) %}min_by({{ value }}, {{ 'struct(' ~ key | join(', ') ~ ')' if key | length > 1 else key[0] }}){% endmacro %}

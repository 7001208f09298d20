{#- The rows of a relation that an incremental model has not consumed yet.

    The embedded executor binds a view of the name below to the rows appended between the snapshot
    the model consumed last and the snapshot pinned for this run, and compiles with the variable
    octolake_changes set. Without it every row counts as changed: the same result, only slower,
    because the models recompute values and never add to them. -#}
{% macro changes(relation) %}
    {{- return(adapter.dispatch('changes', 'octolake')(relation)) -}}
{% endmacro %}

{% macro duckdb__changes(relation) %}
    {%- if var('octolake_changes', false) -%}
        {{- return(api.Relation.create(
                database=relation.database,
                schema='octolake_changes',
                identifier=relation.schema ~ '__' ~ relation.identifier)) -}}
    {%- endif -%}
    {{- return(relation) -}}
{% endmacro %}

{#- On Spark a temporary view that the materialisation makes before it runs the model (spark_incremental.sql). -#}
{% macro spark__changes(relation) %}
    {{- return(api.Relation.create(identifier=octolake_changes_name(relation.schema, relation.identifier))) -}}
{% endmacro %}

{#- Incremental models on Spark: src/model/ in SQL alone, so that a session and a Thrift server do the same.

    A run reads what was appended to its sources since the position that the table holds, writes it beside the
    table's main branch (a staged snapshot, spark.wap.id), and publishes it only if main is still what it began
    with. The write itself stores the position: the id of the staged snapshot says up to which snapshot of each
    source its rows go, and stands in the snapshot's summary as wap.id. Positions that octolake wrote count too.

    The properties that octolake keeps of a model it maintains are taken from the table, so that octolake, where it
    goes on, computes the model anew instead of trusting a position that is older than the rows. -#}
{% materialization incremental, adapter='spark', supported_languages=['sql'] %}
    {%- set sources = octolake_sources() -%}
    {%- set existing = load_relation(this) -%}
    {%- set full = existing is none or should_full_refresh() -%}
    {%- set ends = {} -%}
    {#- Before anything is read: what comes meanwhile is read again the next time. -#}
    {%- for source in sources -%}{%- do ends.update({source.name: octolake_main(source.name)}) -%}{%- endfor -%}

    {{ run_hooks(pre_hooks) }}
    {%- if existing is none -%}
        {%- do octolake_do(octolake_create_table()) -%}
    {%- endif -%}
    {%- do octolake_take_over(this) -%}
    {%- set target = this.schema ~ '.' ~ this.identifier -%}
    {%- set state = namespace(new=full) -%}
    {%- if not full -%}
        {%- for source in sources -%}
            {%- set begin = octolake_consumed(target, source.name) -%}
            {%- do octolake_make_changes(source, begin, ends[source.name]) -%}
            {%- if begin is none or begin != ends[source.name] -%}{%- set state.new = true -%}{%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {%- if state.new -%}
        {%- set begin = octolake_main(target) -%}
        {%- set stage = octolake_stage_id(ends) -%}
        {%- do octolake_do('set spark.wap.id=' ~ stage) -%}
        {%- if full -%}
            {%- do octolake_do('set spark.sql.sources.partitionOverwriteMode=static') -%}
            {%- call statement('main') -%}
                insert overwrite table {{ this }} {{ compiled_code }}
            {%- endcall -%}
        {%- else -%}
            {%- set rows = 'octolake_new__' ~ this.identifier -%}
            {%- do octolake_do('cache table ' ~ rows ~ ' as ' ~ compiled_code) -%}
            {%- call statement('main') -%}{{ octolake_merge(rows) }}{%- endcall -%}
            {%- do octolake_do('uncache table ' ~ rows) -%}
        {%- endif -%}
        {%- do octolake_do('reset spark.wap.id') -%}
        {%- do octolake_publish(target, stage, begin) -%}
    {%- else -%}
        {%- call noop_statement('main', 'nothing new') -%}{%- endcall -%}
    {%- endif -%}
    {{ run_hooks(post_hooks) }}
    {{ return({'relations': [this]}) }}
{% endmaterialization %}

{#- What the model reads: tables as {schema, identifier, name}. -#}
{% macro octolake_sources() %}
    {%- set found = [] -%}
    {%- for id in model.depends_on.nodes -%}
        {%- set node = graph.sources[id] if id in graph.sources else graph.nodes[id] -%}
        {%- set identifier = node.identifier if id in graph.sources else node.alias -%}
        {%- do found.append({'schema': node.schema, 'identifier': identifier, 'name': node.schema ~ '.' ~ identifier}) -%}
    {%- endfor -%}
    {{ return(found) }}
{% endmacro %}

{#- The snapshot that a table's main branch is at, as text; '' if there is none. -#}
{% macro octolake_main(table) %}
    {%- set found = run_query("select cast(snapshot_id as string) from " ~ table ~ ".refs where name = 'main'") -%}
    {{ return(found.rows[0][0] if found.rows | length > 0 else '') }}
{% endmacro %}

{#- The snapshots of main that are known, newest first: [{id, operation, position, stage}]. -#}
{% macro octolake_history(table, source_name='') %}
    {%- set found = run_query(
        "select cast(snapshot_id as string), cast(parent_id as string), operation, summary['octolake.position."
        ~ source_name ~ "'], summary['wap.id'] from " ~ table ~ ".snapshots") -%}
    {%- set known = {} -%}
    {%- for row in found.rows -%}
        {%- do known.update({row[0]: {'id': row[0], 'parent': row[1], 'operation': row[2], 'position': row[3], 'stage': row[4]}}) -%}
    {%- endfor -%}
    {%- set history = [] -%}
    {%- set state = namespace(at=octolake_main(table)) -%}
    {%- for _ in known -%}
        {%- if state.at in known -%}
            {%- do history.append(known[state.at]) -%}
            {%- set state.at = known[state.at].parent -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(history) }}
{% endmacro %}

{#- The snapshot of the source up to which the table's rows go; none if that is not known. -#}
{% macro octolake_consumed(table, source_name) %}
    {%- set key = 'octolake.position.' ~ source_name ~ '=' -%}
    {%- for snapshot in octolake_history(table, source_name) -%}
        {%- if snapshot.position -%}{{ return(snapshot.position) }}{%- endif -%}
        {%- for word in (snapshot.stage or '').split('/') if word.startswith(key) -%}
            {{ return(word[key | length:]) }}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(none) }}
{% endmacro %}

{#- One for each run, so that no other is published in its place. -#}
{% macro octolake_stage_id(ends) %}
    {%- set words = [] -%}
    {%- for name, snapshot in ends.items() if snapshot -%}
        {%- do words.append('octolake.position.' ~ name ~ '=' ~ snapshot) -%}
    {%- endfor -%}
    {{ return((words + ['run=' ~ invocation_id]) | join('/')) }}
{% endmacro %}

{% macro octolake_changes_name(schema, identifier) %}
    {{- return('octolake_changes__' ~ schema ~ '__' ~ identifier) -}}
{% endmacro %}

{#- The view that the model reads as changes(source). -#}
{% macro octolake_make_changes(source, begin, end) %}
    {%- set view = octolake_changes_name(source.schema, source.identifier) -%}
    {%- set state = namespace(appended=false, reached=false) -%}
    {%- if begin -%}
        {%- set state.appended = true -%}
        {%- for snapshot in octolake_history(source.name) -%}
            {%- if snapshot.id == begin -%}{%- set state.reached = true -%}{%- endif -%}
            {%- if not state.reached and snapshot.operation not in ('append', 'replace') -%}
                {%- set state.appended = false -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {%- if begin and begin == end -%}
        {%- set rows = 'select * from ' ~ source.name ~ ' where false' -%}
    {%- elif state.appended and state.reached -%}
        {%- do octolake_do(
            "call " ~ octolake_catalog() ~ ".system.create_changelog_view(table => '" ~ source.name
            ~ "', changelog_view => '" ~ view ~ "__log', options => map('start-snapshot-id', '" ~ begin
            ~ "', 'end-snapshot-id', '" ~ end ~ "'))") -%}
        {%- set rows = "select * from " ~ view ~ "__log where _change_type = 'INSERT'" -%}
    {%- else -%}
        {%- do log(this ~ ': all rows of ' ~ source.name ~ ' count as new: '
            ~ ('it was not only appended to since snapshot ' ~ begin if state.reached
               else 'snapshot ' ~ begin ~ ', the last one read, is not known any more' if begin
               else 'no position is known'), info=true) -%}
        {%- set rows = 'select * from ' ~ source.name -%}
    {%- endif -%}
    {%- do octolake_do('create or replace temporary view ' ~ view ~ ' as ' ~ rows) -%}
{% endmacro %}

{#- New rows into the table. Partitions in which none stands are neither read nor written: the condition names
    them. Rows that are there already are replaced, or, where rows are only ever new, left as they are. -#}
{% macro octolake_merge(rows) %}
    {%- set keys = config.require('unique_key') -%}
    {%- set keys = [keys] if keys is string else keys -%}
    {%- set condition = [] -%}
    {%- for part in config.get('partition_by', []) -%}
        {%- set values = run_query('select distinct cast(' ~ part ~ ' as string) from ' ~ rows ~ ' order by 1').columns[0].values() -%}
        {%- if values | length > 0 and values | length <= 1000 -%}
            {%- do condition.append("target." ~ part ~ " in (date '" ~ values | join("', date '") ~ "')") -%}
        {%- elif values | length > 0 -%}
            {%- do condition.append("target." ~ part ~ " between date '" ~ values[0] ~ "' and date '" ~ values[-1] ~ "'") -%}
        {%- endif -%}
        {%- if part not in keys -%}{%- do condition.append('target.' ~ part ~ ' = new.' ~ part) -%}{%- endif -%}
    {%- endfor -%}
    {%- for key in keys -%}{%- do condition.append('target.' ~ key ~ ' = new.' ~ key) -%}{%- endfor -%}
    merge into {{ this }} as target using {{ rows }} as new
    on {{ condition | join(' and ') }}
    {%- if config.get('meta').octolake.strategy == 'replace_rows' %}
    when matched then update set *
    {%- endif %}
    when not matched then insert *
{% endmacro %}

{#- Makes the staged snapshot main's, if main is still at `begin`: in one commit, which Iceberg refuses if main is no
    ancestor of the branch. publish_changes would apply the files of an append to whatever main has become. -#}
{% macro octolake_publish(table, stage, begin) %}
    {%- set staged = run_query(
        "select cast(snapshot_id as string), cast(parent_id as string) from " ~ table ~ ".snapshots where summary['wap.id'] = '" ~ stage ~ "'") -%}
    {%- if staged.rows | length != 1 -%}
        {%- do exceptions.raise_compiler_error(table ~ ': expected one staged snapshot ' ~ stage ~ ', found ' ~ staged.rows | length) -%}
    {%- endif -%}
    {%- set snapshot, parent = staged.rows[0][0], staged.rows[0][1] or '' -%}
    {%- if parent != begin or octolake_main(table) != begin -%}
        {%- do octolake_lost(table) -%}
    {%- endif -%}
    {%- set branch = 'octolake_dbt_' ~ invocation_id | replace('-', '_') -%}
    {#- Where the run ends or fails before the branch is dropped, it goes when snapshots expire. Each of these is one
        commit, which Iceberg does not repeat: if somebody else commits to the table at that moment, the model fails,
        after the last of them with its rows in the table. The next run goes on from what it finds. -#}
    {%- do octolake_do('alter table ' ~ table ~ ' create branch ' ~ branch ~ ' as of version ' ~ snapshot ~ ' retain 1 days') -%}
    {%- do octolake_do("call " ~ octolake_catalog() ~ ".system.fast_forward('" ~ table ~ "', 'main', '" ~ branch ~ "')") -%}
    {%- do octolake_do('alter table ' ~ table ~ ' drop branch ' ~ branch) -%}
{% endmacro %}

{% macro octolake_lost(table) %}
    {%- do exceptions.raise_compiler_error(
        table ~ ': somebody else committed while this model was computed; nothing of it was kept: run again') -%}
{% endmacro %}

{#- The table has to be of the version that the models are of. Staged snapshots need a property; octolake's digest
    goes, see above. -#}
{% macro octolake_take_over(relation) %}
    {%- set properties = {} -%}
    {%- for row in run_query('show tblproperties ' ~ relation).rows -%}
        {%- do properties.update({row[0]: row[1]}) -%}
    {%- endfor -%}
    {%- set key = 'octolake.definition-version' -%}
    {%- set version, known = properties.get(key, '1') | int, octolake_table_properties()[key] | int -%}
    {%- if version != known -%}
        {%- do exceptions.raise_compiler_error(
            relation ~ ': its definition is of version ' ~ version ~ ', these models are of version ' ~ known ~ '; '
            ~ ('use the models of the octolake that wrote it' if version > known else 'octolake run upgrades it')) -%}
    {%- endif -%}
    {%- if properties.get('write.wap.enabled') != 'true' -%}
        {%- do octolake_do("alter table " ~ relation ~ " set tblproperties ('write.wap.enabled' = 'true')") -%}
    {%- endif -%}
    {%- if 'octolake.model.digest' in properties -%}
        {%- do octolake_do("alter table " ~ relation ~ " unset tblproperties ('octolake.model.digest')") -%}
    {%- endif -%}
{% endmacro %}

{#- What octolake gives to its tables, CommonTableProperties() of src/lake/definitions.cc: a test compares them. -#}
{% macro octolake_table_properties() %}
    {{ return({
        'octolake.definition-version': '1',
        'write.format.default': 'parquet',
        'write.metadata.delete-after-commit.enabled': 'true',
        'write.metadata.previous-versions-max': '50',
        'write.parquet.compression-codec': 'zstd'
    }) }}
{% endmacro %}

{#- The table as octolake creates it, from the declared columns. -#}
{% macro octolake_create_table() %}
    {%- set types = {'varchar': 'string', 'timestamptz': 'timestamp'} -%}
    create table if not exists {{ this }} (
    {%- for column in model.columns.values() %}
        {{ column.name }} {{ types.get(column.data_type, column.data_type) }} comment '{{ column.description | replace("\\", "\\\\") | replace("'", "\\'") }}'{{ ',' if not loop.last }}
    {%- endfor %}
    ) using iceberg
    {%- if config.get('partition_by') %} partitioned by ({{ config.get('partition_by') | join(', ') }}){% endif %}
    tblproperties (
    {%- for key, value in octolake_table_properties().items() %}
        '{{ key }}' = '{{ value }}',
    {%- endfor %}
        'format-version' = '2', 'write.wap.enabled' = 'true')
{% endmacro %}

{% macro octolake_catalog() %}{{ return(env_var('ICEBERG_CATALOG', 'demo')) }}{% endmacro %}

{#- A statement that gives nothing, at which run_query fails over Thrift. -#}
{% macro octolake_do(sql) %}{%- call statement() -%}{{ sql }}{%- endcall -%}{% endmacro %}

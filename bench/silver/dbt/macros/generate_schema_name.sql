{% macro generate_schema_name(custom, node) %}bench{% endmacro %}

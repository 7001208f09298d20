"""The tables that octolake defines, in Spark's catalog, through Iceberg's Java interface."""

import json

from octolake_spark import native

DEFINITION_VERSION = "octolake.definition-version"
MAIN = "main"


class TableError(Exception):
    """A table is not what the jobs can work on."""


class Tables:
    """A session's tables. Everything is read from the catalog when asked for."""

    def __init__(self, session, names):
        self.session = session
        self.names = names
        self._jvm = session._jvm
        definitions = ((table, f"{names.of_role(table['role'])}.{table['name']}") for table in native.table_definitions())
        self._definitions = {name: table for table, name in definitions}

    def load(self, name):
        """Iceberg's Table of "namespace.table", as it is now."""
        table = self._catalog().loadTable(self._identifier(name))
        version = int(table.properties().get(DEFINITION_VERSION) or 1)
        known = int(self._definitions[name]["properties"][DEFINITION_VERSION]) if name in self._definitions else version
        if version != known:
            raise TableError(
                f"table {name}: its definition is of version {version}, this package is of version {known}; "
                + ("use the package of the octolake that wrote it" if version > known else
                   "any writing command of octolake upgrades it"))
        return table

    def exists(self, name):
        return self._catalog().tableExists(self._identifier(name))

    def create_missing(self, *names):
        """Creates those that are missing, as octolake would."""
        for name in names:
            if self.exists(name):
                continue
            namespace = self._jvm.org.apache.iceberg.catalog.Namespace.of(self._strings([name.split(".")[0]]))
            try:
                if not self._catalog().namespaceExists(namespace):
                    self._catalog().createNamespace(namespace)
                self._create(name)
            except Exception as error:  # Py4J's, whatever the cause
                # Somebody else came first: that is as good.
                if not self.exists(name):
                    raise TableError(f"table {name} could not be created: {error}") from error

    def sql_name(self, name):
        return self.names.full(name)

    def snapshot_of(self, table, ref=MAIN):
        """The id of the snapshot a branch or tag is at, or None."""
        found = table.refs().get(ref)
        return None if found is None else found.snapshotId()

    def summary(self, table, snapshot_id):
        """A snapshot's summary as a dict; None if the snapshot is not known."""
        snapshot = table.snapshot(snapshot_id)
        return None if snapshot is None else dict(snapshot.summary())

    def _create(self, name):
        definition = self._definitions[name]
        iceberg = self._jvm.org.apache.iceberg
        schema = iceberg.SchemaParser.fromJson(json.dumps(definition["schema"]))
        spec = iceberg.PartitionSpecParser.fromJson(
            schema, json.dumps({"spec-id": 0, "fields": definition["partition-fields"]}))
        properties = self._jvm.java.util.HashMap()
        for key, value in {**definition["properties"], "format-version": "2"}.items():
            properties.put(key, value)
        self._catalog().createTable(self._identifier(name), schema, spec, None, properties)

    def _catalog(self):
        return self._jvm.org.apache.iceberg.spark.Spark3Util.loadIcebergCatalog(
            self.session._jsparkSession, self.names.catalog)

    def _identifier(self, name):
        return self._jvm.org.apache.iceberg.catalog.TableIdentifier.of(self._strings(name.split(".")))

    def _strings(self, values):
        array = self.session.sparkContext._gateway.new_array(self._jvm.java.lang.String, len(values))
        for i, value in enumerate(values):
            array[i] = value
        return array

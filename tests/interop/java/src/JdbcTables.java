import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.apache.hadoop.conf.Configuration;
import org.apache.iceberg.AppendFiles;
import org.apache.iceberg.BaseTable;
import org.apache.iceberg.DataFile;
import org.apache.iceberg.DataFiles;
import org.apache.iceberg.FileFormat;
import org.apache.iceberg.PartitionKey;
import org.apache.iceberg.Schema;
import org.apache.iceberg.StaticTableOperations;
import org.apache.iceberg.Table;
import org.apache.iceberg.catalog.Namespace;
import org.apache.iceberg.catalog.TableIdentifier;
import org.apache.iceberg.data.GenericRecord;
import org.apache.iceberg.data.IcebergGenerics;
import org.apache.iceberg.data.InternalRecordWrapper;
import org.apache.iceberg.data.Record;
import org.apache.iceberg.data.parquet.GenericParquetWriter;
import org.apache.iceberg.expressions.Expressions;
import org.apache.iceberg.hadoop.HadoopFileIO;
import org.apache.iceberg.io.CloseableIterable;
import org.apache.iceberg.io.FileAppender;
import org.apache.iceberg.io.OutputFile;
import org.apache.iceberg.jdbc.JdbcCatalog;
import org.apache.iceberg.parquet.Parquet;
import org.apache.iceberg.types.Type;
import org.apache.iceberg.types.Types;

/**
 * Iceberg's JdbcCatalog, steered by a test: one JSON object a line on standard input, one answer a
 * line on standard output. A failed command answers with "error" and leaves the process usable.
 */
public final class JdbcTables {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Map<String, JdbcCatalog> catalogs = new HashMap<>();

  public static void main(String[] arguments) throws Exception {
    JdbcTables tables = new JdbcTables();
    PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      ObjectNode answer = JSON.createObjectNode();
      try {
        tables.run(JSON.readTree(line), answer);
      } catch (Exception error) {
        answer.removeAll();
        answer.put("error", error.toString());
      }
      out.println(JSON.writeValueAsString(answer));
    }
  }

  private void run(JsonNode command, ObjectNode answer) throws Exception {
    switch (command.get("do").asText()) {
      case "open" -> open(command);
      case "create_namespace" -> catalog(command).createNamespace(namespace(command));
      case "list" -> list(command, answer);
      case "create" -> create(command);
      case "drop" -> answer.put("dropped", catalog(command).dropTable(identifier(command), false));
      case "append" -> append(command);
      case "delete_all" ->
          table(command).newDelete().deleteFromRowFilter(Expressions.alwaysTrue()).commit();
      case "set" -> set(command);
      case "rows" -> rows(command, answer);
      case "create_view" -> createView(command);
      default -> throw new IllegalArgumentException("no such command: " + command);
    }
  }

  /** "uri" is JDBC's, "user" may be absent; "as" is what later commands call it; "version" V0, V1 or absent. */
  private void open(JsonNode command) {
    Map<String, String> properties = new HashMap<>();
    properties.put("uri", command.get("uri").asText());
    if (command.has("user")) {
      properties.put("jdbc.user", command.get("user").asText());
    }
    properties.put("warehouse", command.get("warehouse").asText());
    if (command.has("version")) {
      properties.put("jdbc.schema-version", command.get("version").asText());
    }
    JdbcCatalog catalog = new JdbcCatalog();
    catalog.setConf(new Configuration());
    catalog.initialize(command.path("name").asText("demo"), properties);
    catalogs.put(command.path("as").asText("main"), catalog);
  }

  private JdbcCatalog catalog(JsonNode command) {
    return catalogs.get(command.path("in").asText("main"));
  }

  private static Namespace namespace(JsonNode command) {
    return Namespace.of(command.get("namespace").asText().split("\\."));
  }

  private static TableIdentifier identifier(JsonNode command) {
    return TableIdentifier.parse(command.get("table").asText());
  }

  private Table table(JsonNode command) {
    return catalog(command).loadTable(identifier(command));
  }

  private void list(JsonNode command, ObjectNode answer) {
    ArrayNode names = answer.putArray("tables");
    for (Namespace namespace : catalog(command).listNamespaces()) {
      for (TableIdentifier table : catalog(command).listTables(namespace)) {
        names.add(table.toString());
      }
    }
  }

  /** With the columns and partitions of the table whose metadata file is "like". */
  private void create(JsonNode command) {
    Table like =
        new BaseTable(
            new StaticTableOperations(
                command.get("like").asText(), new HadoopFileIO(new Configuration())),
            "like");
    Map<String, String> properties = new HashMap<>();
    command
        .path("properties")
        .properties()
        .forEach(entry -> properties.put(entry.getKey(), entry.getValue().asText()));
    catalog(command).createTable(identifier(command), like.schema(), like.spec(), properties);
  }

  private void set(JsonNode command) {
    table(command)
        .updateProperties()
        .set(command.get("key").asText(), command.get("value").asText())
        .commit();
  }

  private void createView(JsonNode command) {
    Schema schema = new Schema(Types.NestedField.optional(1, "one", Types.IntegerType.get()));
    catalog(command)
        .buildView(identifier(command))
        .withSchema(schema)
        .withDefaultNamespace(identifier(command).namespace())
        .withQuery("spark", "SELECT 1 AS one")
        .create();
  }

  /** Appends the JSON objects of the file "rows", one a line; a column left out is null. */
  private void append(JsonNode command) throws Exception {
    Table table = table(command);
    Map<PartitionKey, List<Record>> partitions = new LinkedHashMap<>();
    InternalRecordWrapper wrapper = new InternalRecordWrapper(table.schema().asStruct());
    for (String line : Files.readAllLines(Path.of(command.get("rows").asText()))) {
      Record row = fromJson(table.schema(), JSON.readTree(line));
      PartitionKey key = new PartitionKey(table.spec(), table.schema());
      key.partition(wrapper.wrap(row));
      partitions.computeIfAbsent(key.copy(), any -> new ArrayList<>()).add(row);
    }
    AppendFiles append = table.newAppend();
    for (Map.Entry<PartitionKey, List<Record>> partition : partitions.entrySet()) {
      append.appendFile(write(table, partition.getKey(), partition.getValue()));
    }
    append.commit();
  }

  private static DataFile write(Table table, PartitionKey partition, List<Record> rows)
      throws Exception {
    String name = UUID.randomUUID() + ".parquet";
    OutputFile file =
        table.io().newOutputFile(
            table.spec().isUnpartitioned()
                ? table.locationProvider().newDataLocation(name)
                : table.locationProvider().newDataLocation(table.spec(), partition, name));
    FileAppender<Record> appender =
        Parquet.write(file)
            .forTable(table)
            .createWriterFunc(type -> GenericParquetWriter.create(table.schema(), type))
            .build();
    try (appender) {
      appender.addAll(rows);
    }
    DataFiles.Builder built =
        DataFiles.builder(table.spec())
            .withPath(file.location())
            .withFormat(FileFormat.PARQUET)
            .withFileSizeInBytes(appender.length())
            .withMetrics(appender.metrics())
            .withSplitOffsets(appender.splitOffsets());
    return (table.spec().isUnpartitioned() ? built : built.withPartition(partition)).build();
  }

  /** The columns named in "columns" of every row. */
  private void rows(JsonNode command, ObjectNode answer) throws Exception {
    ArrayNode all = answer.putArray("rows");
    List<String> columns = new ArrayList<>();
    command.get("columns").forEach(column -> columns.add(column.asText()));
    try (CloseableIterable<Record> rows =
        IcebergGenerics.read(table(command)).select(columns).build()) {
      for (Record row : rows) {
        ArrayNode values = all.addArray();
        for (String column : columns) {
          values.addPOJO(toJson(row.getField(column)));
        }
      }
    }
  }

  private static Object toJson(Object value) {
    return value instanceof Number || value instanceof Boolean || value == null
        ? value
        : value.toString();
  }

  private static Record fromJson(Schema schema, JsonNode json) {
    Record row = GenericRecord.create(schema);
    for (Types.NestedField field : schema.columns()) {
      JsonNode value = json.get(field.name());
      if (value != null && !value.isNull()) {
        row.setField(field.name(), fromJson(field.type(), value));
      }
    }
    return row;
  }

  private static Object fromJson(Type type, JsonNode value) {
    return switch (type.typeId()) {
      case BOOLEAN -> value.asBoolean();
      case INTEGER -> value.asInt();
      case LONG -> value.asLong();
      case DOUBLE -> value.asDouble();
      case STRING -> value.asText();
      case DATE -> LocalDate.parse(value.asText());
      case TIMESTAMP -> OffsetDateTime.parse(value.asText());
      default -> throw new IllegalArgumentException("no values of type " + type);
    };
  }
}

"""What a table knows of the stream that fills it, as properties: the query that its checkpoint is of, and the ids of
the topics it read. By them a stream that begins with another checkpoint is told from one that goes on, and a topic
that was deleted and made again from the one whose offsets the checkpoint has."""

import re
import uuid
from dataclasses import dataclass

from octolake_spark.java import is_java

QUERY = "octolake.stream-query."  # and the topic of the events
TOPIC_ID = "octolake.stream-topic-id."  # and the topic
UNKNOWN_TOPIC = "org.apache.kafka.common.errors.UnknownTopicOrPartitionException"
TIMEOUT = "org.apache.kafka.common.errors.TimeoutException"
# Long enough for brokers that restart, short enough for a stream that should stop.
ASK_MILLISECONDS = 20000


class StreamError(Exception):
    """The stream would lose messages or take them twice."""


@dataclass
class Filled:
    """A table that a query fills."""

    name: str  # "namespace.table"
    checkpoint: str  # of the query
    topics: tuple  # that it reads; the first one is that of the events


class StreamRecord:
    """`filled`: the tables of one stream. `client_options`: of a Kafka client."""

    def __init__(self, session, tables, filled, client_options):
        self.tables = tables
        self._session = session
        self._jvm = session._jvm
        self._filled = filled
        self._client_options = client_options
        self._queries = {}
        self._topic_ids = {}

    def begin(self, new_checkpoint, after_ingest):
        """Before the queries start: fails, with nothing written, if the tables were filled with other checkpoints
        (`new_checkpoint`: that is meant), by `octolake ingest`, also while this begins (`after_ingest`: that is
        meant), or from topics that were made again since. Otherwise the checkpoints get the ids of their queries
        before any row is written, and the tables know them."""
        self._topic_ids = self._ask_topic_ids()
        if not after_ingest:
            for filled in self._filled:
                self._check_ingest(filled)
        for filled in self._filled:
            self._check(filled, self._query_of(filled), new_checkpoint)
        undo = []
        for filled in self._filled:
            self._queries[filled.name] = self._query_of(filled) or self._new_query(filled)
            undo.append((filled, self._record(filled)))
        if after_ingest:
            return
        # A commit of ingest from here on finds the property; one that came before has left its tags.
        try:
            for filled in self._filled:
                self._check_ingest(filled)
        except StreamError:
            for filled, before in undo:
                self._set(self.tables.load(filled.name), before)
            raise

    def look_again(self):
        """While the queries run: records topics that have come, and fails if one was made again. Brokers that do not
        answer are the queries' to report."""
        try:
            found = self._ask_topic_ids()
        except Exception as error:  # Py4J's
            if is_java(error, TIMEOUT):
                return
            raise
        if found == self._topic_ids:
            return
        self._topic_ids = found
        for filled in self._filled:
            self._check(filled, self._queries[filled.name], new_checkpoint=False)
        for filled in self._filled:
            self._record(filled)

    def _check_ingest(self, filled):
        tag = re.compile(re.escape(f"octolake.kafka.{filled.topics[0]}") + r"(\.rejected)?\.[0-9]+")
        found = sorted(name for name in self.tables.load(filled.name).refs() if tag.fullmatch(name))
        if found:
            raise StreamError(
                f"table {filled.name} has tags of `octolake ingest --from kafka` ({', '.join(found[:3])}"
                f"{', …' if len(found) > 3 else ''}), which read topic {filled.topics[0]} into it: the stream would "
                "take the same messages once more; go on with ingest, or end it and start the stream with "
                "--after-ingest, and what the topic still has of them comes again")

    def _check(self, filled, query, new_checkpoint):
        properties = self.tables.load(filled.name).properties()
        recorded = properties.get(QUERY + filled.topics[0])
        if recorded is not None and recorded != query:
            if new_checkpoint:
                return
            found = "it has none" if query is None else f"it is of query {query}"
            raise StreamError(
                f"table {filled.name} was filled from topic {filled.topics[0]} by query {recorded}; the checkpoint "
                f"{filled.checkpoint} should be of it, and {found}: name the right checkpoint; if that is lost, "
                "--new-checkpoint with an empty one reads the topic from its beginning, and what Bronze has comes again")
        for topic, found in self._topic_ids.items():
            known = properties.get(TOPIC_ID + topic)
            if topic in filled.topics and known is not None and known != found:
                raise StreamError(
                    f"topic {topic} was made again: its id is {found}, table {filled.name} was filled from {known}, "
                    f"and the offsets in {filled.checkpoint} are of that; --new-checkpoint with an empty --checkpoint "
                    "reads the new topic from its beginning")

    def _record(self, filled):
        """In one commit, if anything is new. Returns what the properties that changed were."""
        query = self._queries[filled.name]
        table = self.tables.load(filled.name)
        properties = table.properties()
        wanted = {QUERY + filled.topics[0]: query}
        for topic in filled.topics:
            known = properties.get(TOPIC_ID + topic)
            # Of a topic that is not there now, what another checkpoint knew means nothing.
            kept = known if properties.get(QUERY + filled.topics[0]) == query else None
            wanted[TOPIC_ID + topic] = self._topic_ids.get(topic, kept)
        changes = {key: value for key, value in wanted.items() if properties.get(key) != value}
        before = {key: properties.get(key) for key in changes}
        self._set(table, changes)
        return before

    def _set(self, table, properties):
        """None removes one."""
        if not properties:
            return
        update = table.updateProperties()
        for key, value in properties.items():
            if value is None:
                update.remove(key)
            else:
                update.set(key, value)
        update.commit()

    # Spark gives a checkpoint its query's id when the query starts, and takes the one that is there.

    def _query_of(self, filled):
        """The id of the checkpoint's query; None if it has none yet."""
        path, configuration = self._metadata_file(filled)
        found = self._jvm.org.apache.spark.sql.execution.streaming.StreamMetadata.read(path, configuration)
        return found.get().id() if found.isDefined() else None

    def _new_query(self, filled):
        path, configuration = self._metadata_file(filled)
        query = str(uuid.uuid4())
        path.getFileSystem(configuration).mkdirs(path.getParent())
        metadata = self._jvm.org.apache.spark.sql.execution.streaming.StreamMetadata
        metadata.write(metadata(query), path, configuration)
        return query

    def _metadata_file(self, filled):
        path = self._jvm.org.apache.hadoop.fs.Path(f"{filled.checkpoint}/metadata")
        return path, self._session._jsparkSession.sessionState().newHadoopConf()

    def _ask_topic_ids(self):
        """{topic: id}, without those that do not exist."""
        options = self._jvm.java.util.HashMap()
        for key, value in {**self._client_options, "request.timeout.ms": str(ASK_MILLISECONDS // 2),
                           "default.api.timeout.ms": str(ASK_MILLISECONDS)}.items():
            options.put(key, value)
        topics = self._jvm.java.util.ArrayList()
        for topic in dict.fromkeys(topic for filled in self._filled for topic in filled.topics):
            topics.add(topic)
        client = self._jvm.org.apache.kafka.clients.admin.AdminClient.create(options)
        try:
            answers = client.describeTopics(topics).topicNameValues()
            ids = {topic: topic_id(answers.get(topic)) for topic in topics}
        finally:
            client.close()
        return {topic: id_ for topic, id_ in ids.items() if id_ is not None}


def topic_id(answer):
    """None if the topic does not exist."""
    try:
        return answer.get().topicId().toString()
    except Exception as error:  # Py4J's
        if is_java(error, UNKNOWN_TOPIC):
            return None
        raise

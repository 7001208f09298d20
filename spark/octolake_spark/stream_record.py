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
            try:
                self._check_no_ingest()
            except StreamError:
                self._take_back_unread()
                raise
        for filled in self._filled:
            self._check(filled, self._query_of(filled), new_checkpoint)
        undo = []
        try:
            for filled in self._filled:
                self._queries[filled.name] = self._query_of(filled) or self._new_query(filled)
                table, news = self._news(filled)
                undo.append((filled, {key: table.properties().get(key) for key in news}))
                self._set(table, news)
            # A commit of ingest from here on finds the property; one that came before has left its tags.
            if not after_ingest:
                self._check_no_ingest()
        except BaseException as error:
            self._take_back(undo, error)
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
            self._set(*self._news(filled))

    def _take_back(self, undo, error):
        try:
            for filled, before in undo:
                self._set(self.tables.load(filled.name), before)
        except Exception as failed:  # Py4J's
            raise StreamError(
                f"{error}; what {', '.join(filled.name for filled, _ in undo)} may say of this stream could not be "
                f"taken back ({failed}), and `octolake ingest` does not start while it does: start the stream again "
                f"with the same --checkpoint, or remove the tables' property {QUERY}{undo[0][0].topics[0]} "
                "(ALTER TABLE … UNSET TBLPROPERTIES)") from error

    def _take_back_unread(self):
        """What a start left that was killed before it could look for ingest once more: it has read nothing."""
        if any(self._has_begun(filled) for filled in self._filled):
            return
        for filled in self._filled:
            query = self._query_of(filled)
            table = self.tables.load(filled.name)
            properties = table.properties()
            if query is None or properties.get(QUERY + filled.topics[0]) != query:
                continue
            keys = [QUERY + filled.topics[0], *(TOPIC_ID + topic for topic in filled.topics)]
            self._set(table, {key: None for key in keys if properties.get(key) is not None})

    def _check_no_ingest(self):
        for filled in self._filled:
            self._check_ingest(filled)

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

    def _news(self, filled):
        """The table, and its properties that are not yet what they should be."""
        query = self._queries[filled.name]
        table = self.tables.load(filled.name)
        properties = table.properties()
        wanted = {QUERY + filled.topics[0]: query}
        for topic in filled.topics:
            known = properties.get(TOPIC_ID + topic)
            # Of a topic that is not there now, what another checkpoint knew means nothing.
            kept = known if properties.get(QUERY + filled.topics[0]) == query else None
            wanted[TOPIC_ID + topic] = self._topic_ids.get(topic, kept)
        return table, {key: value for key, value in wanted.items() if properties.get(key) != value}

    def _set(self, table, properties):
        """In one commit, if there are any. None removes one."""
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
        return self._in_checkpoint(filled, "metadata")

    def _has_begun(self, filled):
        """Spark writes down what a batch takes before it reads it."""
        path, configuration = self._in_checkpoint(filled, "offsets")
        file_system = path.getFileSystem(configuration)
        return file_system.exists(path) and any(found.getPath().getName().isdigit()
                                                for found in file_system.listStatus(path))

    def _in_checkpoint(self, filled, name):
        path = self._jvm.org.apache.hadoop.fs.Path(f"{filled.checkpoint}/{name}")
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

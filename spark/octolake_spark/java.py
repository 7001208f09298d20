"""Exceptions of Iceberg's Java interface, as Py4J hands them on."""

COMMIT_FAILED = "org.apache.iceberg.exceptions.CommitFailedException"


def is_java(error, class_name):
    """Whether an exception is, or was caused by, one of that Java class."""
    cause = getattr(error, "java_exception", None)
    while cause is not None:
        if cause.getClass().getName() == class_name:
            return True
        cause = cause.getCause()
    return False

#include "gateway/pages.h"

namespace octolake::gateway {

std::string_view OpenApiJson() {
  return R"json({
  "openapi": "3.0.3",
  "info": {
    "title": "octolake gateway",
    "version": "1",
    "description": "Takes GitHub events. An answer of 200 means that what was accepted is on disk."
  },
  "paths": {
    "/collect": {
      "post": {
        "operationId": "collect",
        "summary": "One event",
        "description": "Any JSON object. What lacks an id, a type or a date is kept in the table of rejected events.",
        "security": [{}, {"bearer": []}],
        "requestBody": {
          "required": true,
          "content": {"application/json": {"schema": {"type": "object"}}}
        },
        "responses": {
          "200": {
            "description": "The event is durable.",
            "content": {"application/json": {"schema": {
              "type": "object",
              "required": ["status", "event_id"],
              "properties": {
                "status": {"type": "string", "enum": ["success"]},
                "event_id": {"type": "string", "format": "uuid", "description": "The trace_id of the row in Bronze."}
              }
            }}}
          },
          "400": {"$ref": "#/components/responses/Invalid"},
          "401": {"$ref": "#/components/responses/Unauthorized"},
          "403": {"$ref": "#/components/responses/OtherSite"},
          "408": {"$ref": "#/components/responses/Slow"},
          "411": {"$ref": "#/components/responses/NoLength"},
          "413": {"$ref": "#/components/responses/TooLarge"},
          "415": {"$ref": "#/components/responses/Unsupported"},
          "503": {"$ref": "#/components/responses/Busy"}
        }
      }
    },
    "/collect/batch": {
      "post": {
        "operationId": "collectBatch",
        "summary": "Many events",
        "description": "Lines, a JSON array, or objects one behind the other; as they are or compressed (Content-Encoding gzip or zstd). An empty body is a batch of none. It may have one event for every 256 bytes of gateway.max_batch_size: 250,000 with the default of 64 MB.",
        "security": [{}, {"bearer": []}],
        "parameters": [{
          "name": "Content-Encoding", "in": "header", "required": false,
          "schema": {"type": "string", "enum": ["", "identity", "gzip", "x-gzip", "zstd"]}
        }],
        "requestBody": {
          "required": false,
          "content": {
            "application/x-ndjson": {"schema": {"type": "string"}},
            "application/json": {"schema": {"description": "An array of events, or events. What is none is counted as rejected, and the others are taken."}}
          }
        },
        "responses": {
          "200": {
            "description": "The accepted events are durable.",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/BatchResult"}}}
          },
          "400": {"$ref": "#/components/responses/Invalid"},
          "401": {"$ref": "#/components/responses/Unauthorized"},
          "403": {"$ref": "#/components/responses/OtherSite"},
          "408": {"$ref": "#/components/responses/Slow"},
          "411": {"$ref": "#/components/responses/NoLength"},
          "413": {"$ref": "#/components/responses/TooLarge"},
          "415": {"$ref": "#/components/responses/Unsupported"},
          "503": {"$ref": "#/components/responses/Busy"}
        }
      }
    },
    "/webhooks/github": {
      "post": {
        "operationId": "githubWebhook",
        "summary": "A delivery of a GitHub webhook",
        "parameters": [
          {"name": "X-GitHub-Event", "in": "header", "required": true, "schema": {"type": "string", "minLength": 1, "maxLength": 128}},
          {"name": "X-GitHub-Delivery", "in": "header", "required": true, "schema": {"type": "string", "minLength": 1, "maxLength": 128}},
          {"name": "X-Hub-Signature-256", "in": "header", "required": true, "schema": {"type": "string", "pattern": "^sha256=[0-9a-f]{64}$"}}
        ],
        "requestBody": {
          "required": true,
          "content": {"application/json": {"schema": {"type": "object"}}}
        },
        "responses": {
          "200": {
            "description": "The delivery is durable, came before, or is a ping.",
            "content": {"application/json": {"schema": {
              "type": "object",
              "required": ["status", "result", "delivery"],
              "properties": {
                "status": {"type": "string", "enum": ["success"]},
                "result": {"type": "string", "enum": ["accepted", "duplicate", "pong"]},
                "delivery": {"type": "string"}
              }
            }}}
          },
          "400": {"$ref": "#/components/responses/Invalid"},
          "401": {"$ref": "#/components/responses/Unauthorized"},
          "408": {"$ref": "#/components/responses/Slow"},
          "411": {"$ref": "#/components/responses/NoLength"},
          "413": {"$ref": "#/components/responses/TooLarge"},
          "415": {"$ref": "#/components/responses/Unsupported"},
          "503": {"$ref": "#/components/responses/Busy"}
        }
      }
    },
    "/health": {
      "get": {
        "operationId": "health",
        "summary": "The queue",
        "responses": {"200": {
          "description": "healthy, or degraded from the warning threshold on.",
          "content": {"application/json": {"schema": {
            "type": "object",
            "required": ["status", "queue_size", "max_queue_size", "queue_pressure_percent"],
            "properties": {
              "status": {"type": "string", "enum": ["healthy", "degraded"]},
              "queue_size": {"type": "integer"},
              "max_queue_size": {"type": "integer"},
              "queue_pressure_percent": {"type": "number"},
              "sink": {"type": "object", "description": "Where accepted events go (bronze or kafka), and how far behind that is"}
            }
          }}}
        }}
      }
    },
    "/livez": {
      "get": {
        "operationId": "live",
        "summary": "Whether the process answers",
        "responses": {"200": {"description": "It does.", "content": {"application/json": {"schema": {"type": "object"}}}}}
      }
    },
    "/readyz": {
      "get": {
        "operationId": "ready",
        "summary": "Whether events are taken",
        "responses": {
          "200": {"description": "They are.", "content": {"application/json": {"schema": {"type": "object"}}}},
          "503": {"$ref": "#/components/responses/Busy"}
        }
      }
    },
    "/metrics": {
      "get": {
        "operationId": "metrics",
        "summary": "Figures for Prometheus",
        "security": [{}, {"bearer": []}],
        "responses": {
          "200": {"description": "Text format 0.0.4.", "content": {"text/plain": {"schema": {"type": "string"}}}},
          "401": {"$ref": "#/components/responses/Unauthorized"}
        }
      }
    },
    "/api/v1/status": {
      "get": {
        "operationId": "status",
        "summary": "What the status page shows",
        "security": [{}, {"bearer": []}],
        "responses": {
          "200": {"description": "Figures.", "content": {"application/json": {"schema": {"type": "object"}}}},
          "401": {"$ref": "#/components/responses/Unauthorized"}
        }
      }
    },
    "/api/v1/jobs": {
      "get": {
        "operationId": "jobs",
        "summary": "The jobs that run by themselves",
        "description": "When they are due, their last runs, and how often they ran since the start. Times are ISO 8601.",
        "security": [{}, {"bearer": []}],
        "responses": {
          "200": {"description": "Jobs.", "content": {"application/json": {"schema": {
            "type": "object",
            "required": ["jobs"],
            "properties": {"jobs": {"type": "array", "items": {
              "type": "object",
              "required": ["name", "schedule", "zone", "enabled"],
              "properties": {
                "name": {"type": "string"},
                "schedule": {"type": "string"},
                "zone": {"type": "string"},
                "enabled": {"type": "boolean"},
                "running": {"type": "boolean"}
              }
            }}}
          }}}},
          "401": {"$ref": "#/components/responses/Unauthorized"},
          "503": {"description": "The history of runs cannot be read now.", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}
        }
      }
    },
    "/api/v1/recover": {
      "post": {
        "operationId": "recover",
        "summary": "Look for missed webhook deliveries now",
        "description": "Deliveries of the configured hooks that never arrived are fetched from GitHub, as is done every hour anyway. The status has what came of it.",
        "security": [{}, {"bearer": []}],
        "responses": {
          "202": {"description": "It begins soon.", "content": {"application/json": {"schema": {
            "type": "object",
            "required": ["status", "run"],
            "properties": {
              "status": {"type": "string", "enum": ["started"]},
              "run": {"type": "integer", "description": "Over when lake.recovery.runs of the status has reached it."}
            }
          }}}},
          "401": {"$ref": "#/components/responses/Unauthorized"},
          "403": {"$ref": "#/components/responses/OtherSite"},
          "404": {"description": "No hooks are configured.", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}},
          "413": {"$ref": "#/components/responses/TooLarge"}
        }
      }
    },
    "/openapi.json": {
      "get": {
        "operationId": "openapi",
        "summary": "This description",
        "responses": {"200": {"description": "OpenAPI 3.0.", "content": {"application/json": {"schema": {"type": "object"}}}}}
      }
    },
    "/docs": {
      "get": {
        "operationId": "docs",
        "summary": "This description for people",
        "responses": {"200": {"description": "A page.", "content": {"text/html": {"schema": {"type": "string"}}}}}
      }
    },
    "/": {
      "get": {
        "operationId": "statusPage",
        "summary": "The status page",
        "responses": {"200": {"description": "A page.", "content": {"text/html": {"schema": {"type": "string"}}}}}
      }
    }
  },
  "components": {
    "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
    "schemas": {
      "Problem": {
        "type": "object",
        "required": ["detail"],
        "properties": {"detail": {"type": "string"}}
      },
      "BatchResult": {
        "type": "object",
        "required": ["status", "accepted", "rejected", "rejections"],
        "properties": {
          "status": {"type": "string", "enum": ["success", "failed"]},
          "detail": {"type": "string", "description": "Why not all were read, of a 503."},
          "accepted": {"type": "integer"},
          "rejected": {"type": "integer"},
          "rejections": {
            "type": "array",
            "description": "The first 1,000.",
            "items": {
              "type": "object",
              "required": ["index", "reason"],
              "properties": {"index": {"type": "integer"}, "reason": {"type": "string"}}
            }
          }
        }
      }
    },
    "responses": {
      "Invalid": {"description": "Not what is expected; nothing was taken.", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}},
      "Unauthorized": {"description": "A token or a signature is missing or wrong.", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}},
      "OtherSite": {"description": "Sent by a web page of another site (its Origin is not this host).", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}},
      "Slow": {"description": "The request did not come in time.", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}},
      "NoLength": {"description": "Neither Content-Length nor chunks.", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}},
      "TooLarge": {"description": "Over the limit; nothing was taken.", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}},
      "Unsupported": {"description": "A type or encoding that is not taken.", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}},
      "Busy": {"description": "Send it again after Retry-After seconds. Of a batch, the accepted events are durable, but need not be the first: send all of it again.", "headers": {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer", "minimum": 1}}}, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    }
  }
}
)json";
}

}  // namespace octolake::gateway

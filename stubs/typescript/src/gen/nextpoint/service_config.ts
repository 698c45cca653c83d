// Generated from protos/service_config.json.
export default {
  "methodConfig": [
    {
      "name": [{}],
      "timeout": "60s",
      "retryPolicy": {
        "maxAttempts": 5,
        "initialBackoff": "0.5s",
        "maxBackoff": "4s",
        "backoffMultiplier": 2,
        "retryableStatusCodes": ["UNAVAILABLE"]
      }
    },
    {
      "name": [
        { "service": "nextpoint.v1.SuggestionService", "method": "StreamSuggestions" },
        { "service": "nextpoint.v1.SuggestionService", "method": "CreateSuggestion" },
        { "service": "nextpoint.v1.RunService", "method": "CreateRun" }
      ],
      "retryPolicy": {
        "maxAttempts": 5,
        "initialBackoff": "0.5s",
        "maxBackoff": "4s",
        "backoffMultiplier": 2,
        "retryableStatusCodes": ["UNAVAILABLE"]
      }
    }
  ]
} as const;

// Swagger UI takes NDJSON for JSON, and would put a text of several lines as one string into quotation marks.
const LinesAsTheyAre = {
  afterLoad(system) {
    const sample = system.fn.getSampleSchema;
    system.fn.getSampleSchema = (schema, type, config, example) =>
      typeof example === "string" && type.includes("ndjson") ? example : sample(schema, type, config, example);
  },
};

// A validator on the web would be told the address of the document.
SwaggerUIBundle({
  url: "api/v1/openapi.json",
  dom_id: "#page",
  deepLinking: true,
  validatorUrl: null,
  plugins: [() => LinesAsTheyAre],
});

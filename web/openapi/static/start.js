// A validator on the web would be told the address of the document.
SwaggerUIBundle({ url: "api/v1/openapi.json", dom_id: "#page", deepLinking: true, validatorUrl: null });

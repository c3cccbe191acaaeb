// Unit conversion, for measurements: the sensors write degrees Fahrenheit, the
// target wants degrees Celsius. A DECIMAL is a string, so that no digit is lost,
// and may be returned as one.

module.exports = function (context) {
  const { entity } = context;
  if (entity.unit === 'F' && entity.temperature !== null) {
    entity.temperature = ((Number(entity.temperature) - 32) / 1.8).toFixed(2);
    entity.unit = 'C';
  }
  return entity;
};

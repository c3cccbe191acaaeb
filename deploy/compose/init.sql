-- Run once in the new database "shop" of each site: a table, the login of the application, and that of the node, with
-- the rights that it needs and no more (docs/operations.md).
CREATE TABLE orders (
  id INT NOT NULL PRIMARY KEY,
  name VARCHAR(100) NOT NULL,
  price DECIMAL(10, 2) NOT NULL
);
CREATE USER 'app'@'%' IDENTIFIED BY 'app';
GRANT SELECT, INSERT, UPDATE, DELETE ON shop.* TO 'app'@'%';
CREATE USER 'sync'@'%' IDENTIFIED BY 'sync';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, TRIGGER, LOCK TABLES ON shop.* TO 'sync'@'%';

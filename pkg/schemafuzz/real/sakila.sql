-- The shape of Sakila, the sample of a shop that rents films: a ring of NOT NULL foreign keys (store and staff), keys that
-- cascade, unique keys over foreign keys, ENUM, SET, YEAR, BLOB and geometry, columns that are set by ON UPDATE and by
-- triggers, and a table that only triggers write.

-- tables
CREATE TABLE country (
  country_id SMALLINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  country VARCHAR(50) NOT NULL,
  last_update TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP
) DEFAULT CHARSET=utf8mb4;
CREATE TABLE city (
  city_id SMALLINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  city VARCHAR(50) NOT NULL,
  country_id SMALLINT UNSIGNED NOT NULL,
  last_update TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  CONSTRAINT fk_city_country FOREIGN KEY (country_id) REFERENCES country (country_id) ON DELETE RESTRICT ON UPDATE CASCADE
) DEFAULT CHARSET=utf8mb4;
CREATE TABLE address (
  address_id SMALLINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  address VARCHAR(50) NOT NULL,
  district VARCHAR(20) NOT NULL,
  city_id SMALLINT UNSIGNED NOT NULL,
  phone VARCHAR(20) NOT NULL,
  location GEOMETRY NOT NULL,
  last_update TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  CONSTRAINT fk_address_city FOREIGN KEY (city_id) REFERENCES city (city_id) ON DELETE RESTRICT ON UPDATE CASCADE
) DEFAULT CHARSET=utf8mb4;
CREATE TABLE language (
  language_id TINYINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name CHAR(20) NOT NULL,
  last_update TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP
) DEFAULT CHARSET=utf8mb4;
CREATE TABLE actor (
  actor_id SMALLINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  first_name VARCHAR(45) NOT NULL,
  last_name VARCHAR(45) NOT NULL,
  last_update TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  KEY idx_actor_last_name (last_name)
) DEFAULT CHARSET=utf8mb4;
CREATE TABLE category (
  category_id TINYINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name VARCHAR(25) NOT NULL,
  last_update TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP
) DEFAULT CHARSET=utf8mb4;
CREATE TABLE film (
  film_id SMALLINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  title VARCHAR(128) NOT NULL,
  description TEXT NULL,
  release_year YEAR NULL,
  language_id TINYINT UNSIGNED NOT NULL,
  original_language_id TINYINT UNSIGNED NULL,
  rental_duration TINYINT UNSIGNED NOT NULL DEFAULT 3,
  rental_rate DECIMAL(4,2) NOT NULL DEFAULT 4.99,
  length SMALLINT UNSIGNED NULL,
  replacement_cost DECIMAL(5,2) NOT NULL DEFAULT 19.99,
  rating ENUM('G','PG','PG-13','R','NC-17') DEFAULT 'G',
  special_features SET('Trailers','Commentaries','Deleted Scenes','Behind the Scenes') NULL,
  last_update TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  KEY idx_title (title),
  CONSTRAINT fk_film_language FOREIGN KEY (language_id) REFERENCES language (language_id) ON DELETE RESTRICT ON UPDATE CASCADE,
  CONSTRAINT fk_film_language_original FOREIGN KEY (original_language_id) REFERENCES language (language_id) ON DELETE RESTRICT ON UPDATE CASCADE
) DEFAULT CHARSET=utf8mb4;
CREATE TABLE film_actor (
  actor_id SMALLINT UNSIGNED NOT NULL,
  film_id SMALLINT UNSIGNED NOT NULL,
  last_update TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  PRIMARY KEY (actor_id, film_id),
  CONSTRAINT fk_film_actor_actor FOREIGN KEY (actor_id) REFERENCES actor (actor_id) ON DELETE RESTRICT ON UPDATE CASCADE,
  CONSTRAINT fk_film_actor_film FOREIGN KEY (film_id) REFERENCES film (film_id) ON DELETE RESTRICT ON UPDATE CASCADE
) DEFAULT CHARSET=utf8mb4;
CREATE TABLE film_category (
  film_id SMALLINT UNSIGNED NOT NULL,
  category_id TINYINT UNSIGNED NOT NULL,
  last_update TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  PRIMARY KEY (film_id, category_id),
  CONSTRAINT fk_film_category_film FOREIGN KEY (film_id) REFERENCES film (film_id) ON DELETE RESTRICT ON UPDATE CASCADE,
  CONSTRAINT fk_film_category_category FOREIGN KEY (category_id) REFERENCES category (category_id) ON DELETE RESTRICT ON UPDATE CASCADE
) DEFAULT CHARSET=utf8mb4;
CREATE TABLE film_text ( -- not synced: the triggers of film write it, at each site
  film_id SMALLINT NOT NULL PRIMARY KEY,
  title VARCHAR(255) NOT NULL,
  description TEXT
) DEFAULT CHARSET=utf8mb4;
CREATE TABLE staff (
  staff_id TINYINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  first_name VARCHAR(45) NOT NULL,
  last_name VARCHAR(45) NOT NULL,
  address_id SMALLINT UNSIGNED NOT NULL,
  picture BLOB NULL,
  store_id TINYINT UNSIGNED NOT NULL,
  active BOOLEAN NOT NULL DEFAULT TRUE,
  username VARCHAR(16) NOT NULL,
  last_update TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  CONSTRAINT fk_staff_address FOREIGN KEY (address_id) REFERENCES address (address_id) ON DELETE RESTRICT ON UPDATE CASCADE
) DEFAULT CHARSET=utf8mb4;
CREATE TABLE store (
  store_id TINYINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  manager_staff_id TINYINT UNSIGNED NOT NULL,
  address_id SMALLINT UNSIGNED NOT NULL,
  last_update TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  UNIQUE KEY idx_unique_manager (manager_staff_id),
  CONSTRAINT fk_store_staff FOREIGN KEY (manager_staff_id) REFERENCES staff (staff_id) ON DELETE RESTRICT ON UPDATE CASCADE,
  CONSTRAINT fk_store_address FOREIGN KEY (address_id) REFERENCES address (address_id) ON DELETE RESTRICT ON UPDATE CASCADE
) DEFAULT CHARSET=utf8mb4;
ALTER TABLE staff ADD CONSTRAINT fk_staff_store FOREIGN KEY (store_id) REFERENCES store (store_id) ON DELETE RESTRICT ON UPDATE CASCADE;
CREATE TABLE customer (
  customer_id SMALLINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  store_id TINYINT UNSIGNED NOT NULL,
  first_name VARCHAR(45) NOT NULL,
  last_name VARCHAR(45) NOT NULL,
  email VARCHAR(50) NULL,
  address_id SMALLINT UNSIGNED NOT NULL,
  active BOOLEAN NOT NULL DEFAULT TRUE,
  create_date DATETIME NOT NULL,
  last_update TIMESTAMP NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  CONSTRAINT fk_customer_store FOREIGN KEY (store_id) REFERENCES store (store_id) ON DELETE RESTRICT ON UPDATE CASCADE,
  CONSTRAINT fk_customer_address FOREIGN KEY (address_id) REFERENCES address (address_id) ON DELETE RESTRICT ON UPDATE CASCADE
) DEFAULT CHARSET=utf8mb4;
CREATE TABLE inventory (
  inventory_id MEDIUMINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  film_id SMALLINT UNSIGNED NOT NULL,
  store_id TINYINT UNSIGNED NOT NULL,
  last_update TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  CONSTRAINT fk_inventory_store FOREIGN KEY (store_id) REFERENCES store (store_id) ON DELETE RESTRICT ON UPDATE CASCADE,
  CONSTRAINT fk_inventory_film FOREIGN KEY (film_id) REFERENCES film (film_id) ON DELETE RESTRICT ON UPDATE CASCADE
) DEFAULT CHARSET=utf8mb4;
CREATE TABLE rental (
  rental_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  rental_date DATETIME NOT NULL,
  inventory_id MEDIUMINT UNSIGNED NOT NULL,
  customer_id SMALLINT UNSIGNED NOT NULL,
  return_date DATETIME NULL,
  staff_id TINYINT UNSIGNED NOT NULL,
  last_update TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  UNIQUE KEY (rental_date, inventory_id, customer_id),
  CONSTRAINT fk_rental_staff FOREIGN KEY (staff_id) REFERENCES staff (staff_id) ON DELETE RESTRICT ON UPDATE CASCADE,
  CONSTRAINT fk_rental_inventory FOREIGN KEY (inventory_id) REFERENCES inventory (inventory_id) ON DELETE RESTRICT ON UPDATE CASCADE,
  CONSTRAINT fk_rental_customer FOREIGN KEY (customer_id) REFERENCES customer (customer_id) ON DELETE RESTRICT ON UPDATE CASCADE
) DEFAULT CHARSET=utf8mb4;
CREATE TABLE payment (
  payment_id SMALLINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  customer_id SMALLINT UNSIGNED NOT NULL,
  staff_id TINYINT UNSIGNED NOT NULL,
  rental_id INT DEFAULT NULL,
  amount DECIMAL(5,2) NOT NULL,
  payment_date DATETIME NOT NULL,
  last_update TIMESTAMP NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  CONSTRAINT fk_payment_rental FOREIGN KEY (rental_id) REFERENCES rental (rental_id) ON DELETE SET NULL ON UPDATE CASCADE,
  CONSTRAINT fk_payment_customer FOREIGN KEY (customer_id) REFERENCES customer (customer_id) ON DELETE RESTRICT ON UPDATE CASCADE,
  CONSTRAINT fk_payment_staff FOREIGN KEY (staff_id) REFERENCES staff (staff_id) ON DELETE RESTRICT ON UPDATE CASCADE
) DEFAULT CHARSET=utf8mb4;
CREATE TRIGGER ins_film AFTER INSERT ON film FOR EACH ROW INSERT INTO film_text (film_id, title, description) VALUES (NEW.film_id, NEW.title, NEW.description);
CREATE TRIGGER upd_film AFTER UPDATE ON film FOR EACH ROW UPDATE film_text SET title = NEW.title, description = NEW.description, film_id = NEW.film_id WHERE film_id = OLD.film_id;
CREATE TRIGGER del_film AFTER DELETE ON film FOR EACH ROW DELETE FROM film_text WHERE film_id = OLD.film_id;
CREATE TRIGGER customer_create_date BEFORE INSERT ON customer FOR EACH ROW SET NEW.create_date = IF(@synced, NEW.create_date, NOW());
CREATE VIEW staff_list AS SELECT s.staff_id, a.address, s.store_id FROM staff s JOIN address a ON a.address_id = s.address_id;

-- rows
INSERT INTO country (country_id, country) SELECT i, CONCAT('country ', i) FROM {20};
INSERT INTO city (city_id, city, country_id) SELECT i, CONCAT('Ciudad ', i, ' ñ'), i % 20 + 1 FROM {60};
INSERT INTO address (address_id, address, district, city_id, phone, location) SELECT i, CONCAT(i, ' Straße'), '', i % 60 + 1, i * 7, ST_GeomFromText(CONCAT('POINT(', i, ' ', i, '.5)')) FROM {200};
INSERT INTO language (language_id, name) VALUES (1, 'English'), (2, 'Italian'), (3, 'Japanese');
INSERT INTO actor (actor_id, first_name, last_name) SELECT i, CONCAT('FIRST', i), CONCAT('LAST', i % 17) FROM {100};
INSERT INTO category (category_id, name) SELECT i, CONCAT('category ', i) FROM {16};
INSERT INTO film (film_id, title, description, release_year, language_id, original_language_id, length, rating, special_features)
  SELECT i, CONCAT('FILM ', i), REPEAT('plot ', i % 30), 1990 + i % 30, 1 + i % 3, IF(i % 5 = 0, 2, NULL), 60 + i % 90, 1 + i % 5, i % 16 FROM {300};
INSERT INTO film_actor (actor_id, film_id) SELECT i % 100 + 1, i DIV 3 + 1 FROM {800};
INSERT INTO film_category (film_id, category_id) SELECT i, i % 16 + 1 FROM {300};
SET foreign_key_checks = 0;
INSERT INTO staff (staff_id, first_name, last_name, address_id, picture, store_id, username) VALUES (1, 'Mike', 'H', 3, REPEAT(X'00FF89', 5000), 1, 'Mike'), (2, 'Jon', 'S', 4, NULL, 2, 'Jon');
INSERT INTO store (store_id, manager_staff_id, address_id) VALUES (1, 1, 1), (2, 2, 2);
SET foreign_key_checks = 1;
INSERT INTO customer (customer_id, store_id, first_name, last_name, email, address_id, create_date) SELECT i, i % 2 + 1, CONCAT('C', i), CONCAT('L', i), CONCAT('c', i, '@example.com'), i + 4, '2006-02-14 22:04:36' FROM {150};
INSERT INTO inventory (inventory_id, film_id, store_id) SELECT i, i % 300 + 1, i % 2 + 1 FROM {1000};
INSERT INTO rental (rental_id, rental_date, inventory_id, customer_id, return_date, staff_id)
  SELECT i, '2005-05-24 22:53:30' + INTERVAL i MINUTE, i % 1000 + 1, i % 150 + 1, IF(i % 9 = 0, NULL, '2005-06-01'), i % 2 + 1 FROM {3000};
INSERT INTO payment (payment_id, customer_id, staff_id, rental_id, amount, payment_date) SELECT i, i % 150 + 1, i % 2 + 1, IF(i % 50 = 0, NULL, i), 0.99 + i % 10, '2005-05-25' FROM {3000};

-- at one site
UPDATE language SET language_id = 7 WHERE language_id = 2;
UPDATE film SET title = CONCAT(title, ' II'), rental_rate = 2.99 WHERE film_id % 7 = 0;
UPDATE inventory SET inventory_id = inventory_id + 5000 WHERE inventory_id % 100 = 3;
DELETE FROM rental WHERE rental_id % 100 = 1;
BEGIN;
INSERT INTO address (address_id, address, district, city_id, phone, location) VALUES (500, 'new', 'x', 5, '1', ST_GeomFromText('POINT(1 2)'));
SET foreign_key_checks = 0;
INSERT INTO store (store_id, manager_staff_id, address_id) VALUES (3, 3, 500);
INSERT INTO staff (staff_id, first_name, last_name, address_id, store_id, username) VALUES (3, 'Ada', 'L', 500, 3, 'Ada');
SET foreign_key_checks = 1;
INSERT INTO customer (customer_id, store_id, first_name, last_name, address_id, create_date) VALUES (500, 3, 'New', 'One', 500, '2020-01-01');
COMMIT;
BEGIN;
DELETE FROM film_actor WHERE film_id = 300;
DELETE FROM film_category WHERE film_id = 300;
UPDATE payment SET rental_id = NULL WHERE rental_id IN (SELECT rental_id FROM rental JOIN inventory USING (inventory_id) WHERE film_id = 300);
DELETE rental FROM rental JOIN inventory USING (inventory_id) WHERE film_id = 300;
DELETE FROM inventory WHERE film_id = 300;
DELETE FROM film WHERE film_id = 300;
COMMIT;

-- at the other
UPDATE customer SET active = NOT active, store_id = 3 - store_id WHERE customer_id <= 150 AND customer_id % 10 = 4;
UPDATE actor SET actor_id = actor_id + 1000 WHERE actor_id % 20 = 0;
INSERT INTO rental (rental_id, rental_date, inventory_id, customer_id, staff_id) SELECT 10000 + i, '2021-01-01' + INTERVAL i MINUTE, i * 2 + 150, i, 1 FROM {40};
INSERT INTO payment (payment_id, customer_id, staff_id, rental_id, amount, payment_date) SELECT 10000 + i, i, 1, 10000 + i, 1.50, '2021-02-01' FROM {40};
REPLACE INTO category (category_id, name) VALUES (17, 'seventeen');
UPDATE city SET city = UPPER(city) WHERE city_id % 2 = 0;
